import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { enrol } from '../../../connector/enrol.ts'
import { makeDemoProfile } from '../../../edge/demo/profile.ts'
import { importKey } from '../../../identity/key.ts'
import { PROFILE_FILES } from '../../../identity/profile.ts'
import { callControl } from '../../../process/control.ts'
import { silentLog } from '../../../process/log.ts'
import type { EdgeReady } from './edge-process.ts'
import { ALICE_READS, type Device, type Site } from './house.ts'
import { Peer } from './peer.ts'

const RUNNER = path.join(import.meta.dirname, 'edge-process.ts')

/** A whole edge as it is started for real, in a process of its own; signed in and enrolled over HTTPS. */
export class WholeEdge {
  readonly directory: string
  readonly #name: string
  readonly #child: ChildProcess
  readonly ready: EdgeReady
  stderr = ''

  static async start(t: TestContext, policy = ALICE_READS, more = ''): Promise<WholeEdge> {
    const directory = await mkdtemp(path.join(tmpdir(), 'byname-whole-'))
    t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }))
    await writeFile(path.join(directory, 'policy.yaml'), policy)
    const settings = `listen: 127.0.0.1:PORT\nname: NAME\nhealth: 127.0.0.1:0\n${more}`
    await writeFile(path.join(directory, 'edge.yaml'), `${settings}policy: { file: policy.yaml }\n`)
    return WholeEdge.#launch(t, directory, '0', 'edge')
  }

  /** Another edge on the same state directory. */
  beside(t: TestContext, name: string): Promise<WholeEdge> {
    return WholeEdge.#launch(t, this.directory, '0', name)
  }

  /** The same edge again: same state, same address. */
  restart(t: TestContext): Promise<WholeEdge> {
    return WholeEdge.#launch(t, this.directory, new URL(this.ready.url).port, this.#name)
  }

  static async #launch(
    t: TestContext,
    directory: string,
    port: string,
    name: string,
  ): Promise<WholeEdge> {
    const stdio: ('ignore' | 'pipe' | 'ipc')[] = ['ignore', 'ignore', 'pipe', 'ipc']
    const child = fork(RUNNER, [directory, port, name], { stdio })
    t.after(() => void child.kill('SIGKILL'))
    let stderr = ''
    child.stderr?.on('data', (chunk) => {
      stderr += chunk
    })
    const ready = await Promise.race([
      once(child, 'message').then(([message]) => message as EdgeReady),
      once(child, 'exit').then(() => undefined),
    ])
    if (!ready) throw new Error(`the edge does not start: ${stderr}`)
    const edge = new WholeEdge(directory, name, child, ready)
    edge.stderr = stderr
    child.stderr?.on('data', (chunk) => {
      edge.stderr += chunk
    })
    return edge
  }

  private constructor(directory: string, name: string, child: ChildProcess, ready: EdgeReady) {
    this.directory = directory
    this.#name = name
    this.#child = child
    this.ready = ready
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** The exit code, or the signal, once it has ended by itself. */
  get ended(): Promise<number | string> {
    return once(this.#child, 'exit').then(([code, by]) => code ?? by)
  }

  /** Null while it runs. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** @returns the exit code, or the signal */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    const [code, by] = await ended
    return code ?? by
  }

  call<Answer>(method: string, params: object = {}): Promise<Answer> {
    return callControl(this.ready.controlPath, method, params) as Promise<Answer>
  }

  /** Signs in at the demo provider, as a client would. */
  async signIn(person: string): Promise<Device> {
    const { url, caPem, provider } = this.ready
    const directory = path.join(this.directory, 'profiles', person)
    const edge = { url, caPem }
    const options = { directory, name: person, person, edge, provider, now: Date.now }
    const { sessionId, token } = await makeDemoProfile(options)
    const key = importKey(
      JSON.parse(await readFile(path.join(directory, PROFILE_FILES.device), 'utf8')),
    )
    const credential = { kind: 'session', token } as const
    const dial: Device['dial'] = ({ at = this.ready, ...more } = {}) =>
      Peer.dial(at, { role: 'client', credential, key, ...more })
    return { sessionId, key, credential, dial }
  }

  /** Makes a join token and enrols with it, as a connector would. */
  async enrol(name: string, ...mayPublish: string[]): Promise<Site> {
    const { token } = await this.call<{ token: string }>('connector.token', { name, mayPublish })
    const state = path.join(this.directory, 'connectors', name)
    const tokenFile = path.join(this.directory, `${name}.token`)
    await writeFile(tokenFile, token)
    const nothing = { edge: undefined, proxy: undefined }
    const enrolment = await enrol({ state, tokenFile, log: silentLog, ...nothing })
    const { connectorId, key } = enrolment
    const credential = { kind: 'connector', connectorId } as const
    const dial: Site['dial'] = ({ instance = `${connectorId}.1`, at = this.ready, ...more } = {}) =>
      Peer.dial(at, { role: 'connector', credential, key, instance, ...more })
    return { connectorId, key, credential, dial }
  }
}
