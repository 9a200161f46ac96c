import { mkdir } from 'node:fs/promises'
import type { Connectors } from './enrol/connector.ts'
import { openConnectors } from './enrol/connectors.ts'
import { FLOW_LOG } from './flows/log.ts'
import { fetchJwks } from './sessions/fetch-jwks.ts'
import { type IssuerSettings, Issuers } from './sessions/issuers.ts'
import type { Sessions } from './sessions/session.ts'
import { openSessions } from './sessions/sessions.ts'
import { loadSigningKeys } from './sessions/signing-keys.ts'
import { type EdgeSettings, storeFile } from './settings.ts'
import { deploymentOf, isDemoStore, markDemoStore } from './store/deployment.ts'
import { openSqliteStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'

/** What an edge knows beyond its own life. */
export interface EdgeState {
  readonly store: Store
  readonly deployment: string
  readonly sessions: Sessions
  readonly connectors: Connectors
  close(): Promise<void>
}

/** The edge that is asked for must not be started. */
export class EdgeError extends Error {
  override readonly name = 'EdgeError'
  readonly code: 'ERR_DEMO_STORE'
  readonly why: string
  readonly fix: string
  readonly exitCode = 2
  constructor(code: EdgeError['code'], what: string, facts: { why: string; fix: string }) {
    super(what)
    this.code = code
    this.why = facts.why
    this.fix = facts.fix
  }
}

export interface StateOptions {
  readonly settings: EdgeSettings
  readonly issuers: readonly IssuerSettings[]
  readonly isDemo: boolean
  readonly now: () => number
}

/** @throws {EdgeError} ERR_DEMO_STORE; {StoreError}, {StateError}, {SigningKeysError} */
export async function openState(options: StateOptions): Promise<EdgeState> {
  const { settings, now } = options
  const { stateDirectory: directory, flowLog } = settings
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const logs = { [FLOW_LOG]: flowLog }
  const store = await openSqliteStore({ path: storeFile(settings), now, logs })
  try {
    return await openOn(store, options)
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openOn(store: Store, options: StateOptions): Promise<EdgeState> {
  const { settings, isDemo, now } = options
  if (isDemo) await markDemoStore(store)
  else if (await isDemoStore(store)) throw demoStore(settings.stateDirectory)
  const deployment = await deploymentOf(store)
  const issuers = new Issuers(options.issuers, { fetch: fetchJwks, now })
  const loadKeys = () => loadSigningKeys(settings.stateDirectory)
  const sessions = await openSessions({ store, issuers, deployment, loadKeys, now })
  const connectors = await openConnectors(store, now)
  const close = async () => {
    await Promise.all([sessions.close(), connectors.close()])
    await store.close()
  }
  return { store, deployment, sessions, connectors, close }
}

const demoStore = (directory: string) =>
  new EdgeError('ERR_DEMO_STORE', 'this edge must not use the state of a demo', {
    why: `whoever could read the demo's secret may be signed in in ${directory}`,
    fix: 'give it a new state directory: state: /var/lib/byname/edge',
  })
