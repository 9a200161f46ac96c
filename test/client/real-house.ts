import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { loadProfile, type Profile } from '../../client/profile.ts'
import { runConnector } from '../../connector/main.ts'
import { readSettings } from '../../connector/settings-file.ts'
import { makeDemoProfile } from '../../edge/demo/profile.ts'
import { startDemoProvider } from '../../edge/demo/provider.ts'
import { startEdge } from '../../edge/main.ts'
import { parseEdgeSettings } from '../../edge/settings.ts'
import { callControl } from '../../process/control.ts'
import { silentLog as log } from '../../process/log.ts'
import { until } from './until.ts'

export interface RealHouse {
  readonly directory: string
  readonly edgeUrl: string
  /** The profile of `alice` (allowed everything of corp.internal) or `bob` (allowed nothing). */
  profile(name: 'alice' | 'bob'): Promise<Profile>
  /** BYNAME_STATE_DIR for these profiles, as the verbs need it. */
  readonly env: { readonly BYNAME_STATE_DIR: string }
  setPolicy(text: string): Promise<void>
  control(method: string, params?: object): Promise<unknown>
  stopEdge(): Promise<void>
  /** On the same port, with the same state. */
  startEdge(): Promise<void>
  close(): Promise<void>
}

export interface App {
  readonly host: string
  /** The port of 127.0.0.1 that it really is at. */
  readonly to: number
  readonly ports: readonly number[]
}

const POLICY = `version: 1
allow:
  alice-reaches-corp: { who: alice@example.com, to: "domain:corp.internal", ports: all }
`
export const NOBODY = 'version: 1\n'

/** The real edge, connector and demo provider, in this process and on loopback. */
export async function realHouse(apps: readonly App[]): Promise<RealHouse> {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-client-'))
  const at = (...parts: string[]) => path.join(directory, ...parts)
  await writeFile(at('policy.yaml'), POLICY)
  const people = ['alice@example.com', 'bob@example.com']
  const secretFile = at('demo.secret')
  const provider = await startDemoProvider({ people, secretFile, now: Date.now })
  const start = (port: number) => {
    const text = `listen: 127.0.0.1:${port}\npolicy: { file: policy.yaml }\nzones: [corp.internal]\n`
    const settings = parseEdgeSettings(text, at('edge.yaml'), {
      stateDirectory: at('edge'),
      controlPath: (state) => path.join(state, 'edge.sock'),
    })
    return startEdge(settings, { log, demo: { issuer: provider.issuer } })
  }
  let edge = await start(0)
  const { url: edgeUrl, caPem, controlPath } = edge
  for (const person of people) {
    const name = person.split('@')[0] ?? ''
    const profile = { directory: at('profiles', name), name, person }
    const from = { url: provider.url, secretFile }
    await makeDemoProfile({
      ...profile,
      edge: { url: edgeUrl, caPem },
      provider: from,
      now: Date.now,
    })
  }
  const control = (method: string, params: object = {}) => callControl(controlPath, method, params)
  const connector = await startConnector(directory, apps, control)
  const env = { BYNAME_STATE_DIR: directory }
  return {
    directory,
    edgeUrl,
    env,
    control,
    profile: (name) => loadProfile(name, env),
    setPolicy: async (text) => {
      await writeFile(at('policy.yaml'), text)
      await control('policy.reload')
    },
    stopEdge: () => edge.close(),
    startEdge: async () => {
      edge = await start(Number(new URL(edgeUrl).port))
    },
    async close() {
      await connector.close(0)
      await edge.close()
      await provider.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function startConnector(
  directory: string,
  apps: readonly App[],
  control: (method: string, params?: object) => Promise<unknown>,
) {
  const { token } = (await control('connector.token', {
    name: 'hq',
    mayPublish: ['domain:corp.internal'],
  })) as { token: string }
  const file = path.join(directory, 'connector.yaml')
  await writeFile(path.join(directory, 'token'), token)
  const rows = apps.map(
    ({ host, to, ports }) => `  - { host: "${host}", to: "127.0.0.1:${to}", ports: [${ports}] }`,
  )
  const state = path.join(directory, 'connector')
  await writeFile(file, `state: ${state}\ntoken-file: token\napps:\n${rows.join('\n')}\n`)
  const connector = await runConnector(readSettings(file), { log, env: {}, version: 'test', file })
  await until(async () => {
    const { connectors } = (await control('connector.list')) as {
      connectors: { apps: unknown[] }[]
    }
    return connectors[0]?.apps.length === apps.length
  })
  return connector
}
