import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'
import type { Client } from './client.ts'
import { makeFile, sizeOf } from './files.ts'
import type { Stage } from './stage.ts'

/** Bytes each way, and how many a second, which nginx and scp see to: an outage of 10 s falls inside. */
export const FILE_BYTES = 100_000_000
const BYTES_PER_SECOND = 6_000_000

/** Of each file, what is there, in [0, 1]. */
export interface Shares {
  readonly down: number
  readonly up: number
}

/** curl gets a file and scp brings one over, both at a pace, under names of their own. */
export class BothWays {
  readonly file: string
  readonly gotten: string
  readonly brought: string
  readonly #stage: Stage
  readonly #name: string
  #child: ChildProcess | undefined
  #said = ''

  /** `name` is whose `NAME-web.corp.internal` and `NAME-ssh.corp.internal` are asked. */
  constructor(stage: Stage, name: string) {
    this.#stage = stage
    this.#name = name
    this.file = path.join(stage.services.directory, 'web', 'file')
    this.gotten = path.join(stage.directory, 'home', `${name}-gotten`)
    this.brought = path.join(stage.directory, `${name}-brought`)
    if (sizeOf(this.file) === 0) makeFile(stage.origins, this.file, FILE_BYTES)
  }

  /** What a connector publishes for them. */
  static appsOf(name: string): string[] {
    return [
      `{ host: ${name}-web.corp.internal, ports: 80, to: wiki.corp.internal }`,
      `{ host: ${name}-ssh.corp.internal, ports: 22, to: git.corp.internal }`,
    ]
  }

  start(client: Client): Promise<string> {
    rmSync(this.brought, { force: true })
    const child = client.start('alice', ['sh', '-c', this.#script()])
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        this.#said += chunk
      })
    this.#child = child
    return new Promise((resolve) => child.on('close', () => resolve(this.#said)))
  }

  received(): Shares {
    if (this.#child?.exitCode !== null) throw new Error(`it has ended: ${this.#said}`)
    return { down: sizeOf(this.gotten) / FILE_BYTES, up: sizeOf(this.brought) / FILE_BYTES }
  }

  #script(): string {
    const { sshKey, knownHosts } = this.#stage.services
    const key = path.join(this.#stage.directory, 'home', `${this.#name}-key`)
    this.#stage.origins.runSync(['install', '-o', '65534', '-m', '600', sshKey, key])
    const known = `-o UserKnownHostsFile=${knownHosts} -o HostKeyAlias=git.corp.internal`
    const ssh = `${known} -o BatchMode=yes -i ${key} -l ${(BYTES_PER_SECOND * 8) / 1024}`
    const [web, git] = ['web', 'ssh'].map((kind) => `${this.#name}-${kind}.corp.internal`)
    return `scp -q ${ssh} ${this.file} root@${git}:${this.brought} & scp=$!
curl -sS -o ${this.gotten} http://${web}/paced/file
echo curl $?
wait $scp; echo scp $?`
  }
}

export const BOTH_WELL = 'curl 0\nscp 0\n'
