import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { loadCertificates } from '../../../edge/ca.ts'
import { openDoor } from '../../../edge/door/listen.ts'
import type { FlowRow } from '../../../edge/flows/row.ts'
import { Metrics } from '../../../edge/metrics.ts'
import { PolicyFile } from '../../../edge/policy-file.ts'
import { DEFAULT_LIMITS, type EdgeLimits } from '../../../edge/settings.ts'
import { openSqliteStore } from '../../../edge/store/sqlite.ts'
import { Switchboard } from '../../../edge/switchboard.ts'
import type { DeviceKey } from '../../../identity/key.ts'
import { findHostname } from '../../../names/hostname.ts'
import type { AnnouncedApp } from '../../../tunnel/control.ts'
import type { FlowTable, IncomingOpen } from '../../../tunnel/endpoint.ts'
import { acceptLinks, systemClock } from '../../../tunnel/link.ts'
import type { Credential } from '../../../tunnel/messages/handshake.ts'
import { ConnectorsDouble, SessionsDouble } from './doubles.ts'
import { Peer, type Target } from './peer.ts'
import { until } from './until.ts'

export const ALICE_READS = `version: 1
allow:
  alice-reads-the-wiki: { who: alice@example.com, to: "domain:corp.internal", ports: [80, 443] }
`

export interface HouseOptions {
  readonly policy?: string
  readonly zones?: readonly string[]
  readonly limits?: Partial<EdgeLimits>
}

/** A person's device: every tunnel of it is of one session. */
export interface Device {
  readonly sessionId: string
  readonly key: DeviceKey
  readonly credential: Credential
  dial(options?: DialOptions): Promise<Peer>
}

export interface DialOptions {
  /** Flows outlive the tunnel. */
  readonly flows?: FlowTable
  /** Another edge of the same deployment. */
  readonly at?: Target
  readonly keyAgreements?: string
}

export interface Site {
  readonly connectorId: string
  readonly key: DeviceKey
  readonly credential: Credential
  dial(
    options?: DialOptions & {
      readonly instance?: string
      readonly incoming?: (open: IncomingOpen) => void
    },
  ): Promise<Peer>
}

/** Everything of an edge that is between its door and its store, over real TLS on loopback. */
export async function startHouse(t: TestContext, options: HouseOptions = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-house-'))
  const policyFile = path.join(directory, 'policy.yaml')
  await writeFile(policyFile, options.policy ?? ALICE_READS)
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const now = Date.now()
  const names = ['127.0.0.1']
  const { caPem, tls } = await loadCertificates({ directory, edgeName: 'edge', names, now })
  const { connections, unproven, unprovenPerAddress } = limits
  const listen = { host: '127.0.0.1', port: 0 }
  const store = await openSqliteStore({ path: path.join(directory, 'edge.db') })
  const lines: Record<string, unknown>[] = []
  const write = (facts: Record<string, unknown>, sentence: string) => {
    lines.push({ ...facts, sentence })
  }
  const log = { trace: write, debug: write, info: write, warn: write, error: write }
  const logger = { ...log, child: () => logger }
  const bounds = { connections, unproven, unprovenPerAddress, requirePostQuantum: false }
  const door = await openDoor({ listen, tls, ...bounds, log: logger })
  let board: Switchboard | undefined
  const policy = await PolicyFile.open({
    file: policyFile,
    lastGoodFile: path.join(directory, 'policy.last-good.yaml'),
    now: Date.now,
    log: logger,
    changed: () => board?.policyChanged(),
  })
  const target: Target = {
    url: `https://127.0.0.1:${door.port}`,
    caPem,
    deployment: 'd1',
  }
  const sessions = new SessionsDouble()
  const connectors = new ConnectorsDouble()
  const edgeLimits = limits
  const made = new Switchboard({
    settings: {
      name: 'edge',
      zones: (options.zones ?? []).flatMap((zone) => findHostname(zone) ?? []),
      limits: edgeLimits,
    },
    handshake: { deployment: 'd1', edgeName: 'edge', version: 'test' },
    roster: { urls: () => [target.url], isAlive: () => false },
    enter: door.enter,
    policy: () => policy.policy,
    store,
    sessions: sessions as never,
    connectors: connectors as never,
    counts: new Metrics({
      liveFlows: () => 0,
      tunnels: () => ({ client: 0, connector: 0 }),
      sessions: () => 0,
      lostRecords: () => 0,
      isPolicyCurrent: () => true,
    }),
    clock: systemClock,
    random: Math.random,
    log: logger,
  })
  board = made
  await made.start()
  const accepting = acceptLinks({ server: door.server }, (link) => void made.take(link))
  const ticking = setInterval(() => made.tick(Date.now()), 500)
  t.after(async () => {
    clearInterval(ticking)
    accepting.close()
    await policy.close()
    await made.close()
    await door.close()
    await store.close()
    await rm(directory, { recursive: true })
  })

  const person = (email: string): Device => {
    const { session, key } = sessions.signIn(email)
    const credential = { kind: 'session', token: session.id } as const
    const dial: Device['dial'] = ({ at = target, ...more } = {}) =>
      Peer.dial(at, { role: 'client', credential, key, ...more })
    return { sessionId: session.id, key, credential, dial }
  }
  const site = (name: string, ...grants: string[]): Site => {
    const { record, key } = connectors.enrol(name, grants)
    const credential = { kind: 'connector', connectorId: record.id } as const
    const dial: Site['dial'] = ({ instance = `${record.id}.1`, at = target, ...more } = {}) =>
      Peer.dial(at, { role: 'connector', credential, key, instance, ...more })
    return { connectorId: record.id, key, credential, dial }
  }
  return {
    target,
    directory,
    lines,
    board: made,
    person,
    site,
    setPolicy: (text: string) => writeFile(policyFile, text),
    policyStatus: () => policy.status,
    revokeSession: (id: string) => sessions.revoke(id),
    renewals: () => sessions.renewals,
    expireSession: (id: string) => sessions.expire(id),
    revokeConnector: (id: string) => connectors.revoke(id),
    /** A connector that publishes `names` on port 80 and says back what it hears. */
    async publish(name: string, ...patterns: string[]): Promise<Site & { peer: Peer }> {
      const its = site(name, 'domain:corp.internal')
      const peer = await its.dial()
      peer.announce(...patterns.map((pattern) => app(pattern)))
      await until(() =>
        lines.some((line) => line.id === its.connectorId && line.event === 'connector-announced'),
      )
      return { ...its, peer }
    },
    records: (filter = {}): Promise<FlowRow[]> => made.flows.list(filter, 100),
  }
}

export const app = (pattern: string, ...ports: number[]): AnnouncedApp => ({
  pattern,
  ports: (ports.length > 0 ? ports : [80]).map((port) => ({
    from: port,
    to: port,
    protocol: 'tcp',
  })),
  fixedTo: false,
  health: 'ok',
})
