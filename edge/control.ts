import { formatPattern, type NamePattern, readPattern } from '../names/pattern.ts'
import type { ControlVerb } from '../process/control.ts'
import type { PortRange } from '../tunnel/control.ts'
import type { RelayTunnel } from '../tunnel/relay.ts'
import { ParamError, Params, UnknownError } from './control/params.ts'
import type { ConnectorRow, EdgeStatus, SessionRow } from './control/status.ts'
import type { Drain } from './drain.ts'
import type { ConnectorRecord, Connectors, JoinTokenGrant } from './enrol/connector.ts'
import { MAX_USES } from './enrol/join-tokens.ts'
import type { FlowLog } from './flows/log.ts'
import type { FlowFilter } from './flows/row.ts'
import type { PolicyFile } from './policy-file.ts'
import type { Offer } from './registry/offer.ts'
import type { Registry } from './registry.ts'
import { nameOf, type Session, type Sessions } from './sessions/session.ts'

export interface AdminParts {
  readonly status: () => EdgeStatus
  readonly flows: FlowLog
  readonly policy: PolicyFile
  readonly drain: Pick<Drain, 'follow'>
  readonly registry: Pick<Registry<RelayTunnel>, 'seats'>
  readonly connectors: Pick<Connectors, 'list' | 'revoke'>
  readonly sessions: Pick<Sessions, 'list' | 'revoke'>
  readonly makeJoinToken: (
    grant: JoinTokenGrant,
  ) => Promise<{ readonly token: string; readonly id: string; readonly expiresAt: number }>
  /** Tunnels of a session at this edge now. */
  readonly tunnelsOf: (sessionId: string) => number
}

const BY = { by: 'an admin at the control socket' }
const MAX_LIFE_MS = 365 * 86_400_000
const DRAIN_MS = 60_000
const MAX_DRAIN_MS = 86_400_000

/** What the edge's admin may ask over the 0600 socket: every verb by its name. */
export function adminVerbs(parts: AdminParts): Readonly<Record<string, ControlVerb>> {
  return {
    status: async () => parts.status(),
    'flow.list': async (params) => {
      const read = new Params(params)
      const limit = read.integer('limit', { min: 1, max: 10_000, otherwise: 50 })
      return { schema: 1, flows: await parts.flows.list(readFilter(read), limit) }
    },
    'flow.watch': (params, { signal }) => parts.flows.watch(readFilter(new Params(params)), signal),
    'connector.token': (params) => parts.makeJoinToken(readGrant(new Params(params))),
    'connector.list': async () => ({ schema: 1, connectors: listConnectors(parts) }),
    'connector.revoke': (params) => revokeConnector(parts, new Params(params).text('connector')),
    'session.list': async () => ({ schema: 1, sessions: listSessions(parts) }),
    'session.revoke': (params) => revokeSessions(parts, new Params(params).text('session')),
    'edge.drain': (params, { signal }) => {
      const range = { min: 0, max: MAX_DRAIN_MS, otherwise: DRAIN_MS }
      return parts.drain.follow(new Params(params).integer('deadlineMs', range), signal)
    },
    'policy.reload': () => parts.policy.reload(),
  }
}

function readFilter(read: Params): FlowFilter {
  const since = read.integer('since', { min: 0, max: Number.MAX_SAFE_INTEGER, otherwise: 0 })
  const [who, name] = [read.optionalText('who'), read.optionalText('name')]
  return { who, name, denied: read.flag('denied'), since }
}

function readGrant(read: Params): JoinTokenGrant {
  const name = read.text('name')
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) {
    throw new ParamError('name', 'must be lower-case letters, digits and hyphens, 63 at most')
  }
  const mayPublish = read.texts('mayPublish').map(readGrantPattern)
  const uses = read.integer('uses', { min: 1, max: MAX_USES, otherwise: 1 })
  const lifeMs = read.integer('lifeMs', { min: 1000, max: MAX_LIFE_MS, otherwise: 86_400_000 })
  return { name, mayPublish, uses, lifeMs }
}

function readGrantPattern(text: string): NamePattern {
  const read = readPattern(text)
  if (read.kind === 'pattern') return read.pattern
  throw new ParamError(
    'mayPublish',
    `has ${JSON.stringify(text.slice(0, 80))}, which is no pattern`,
  )
}

function listConnectors({ connectors, registry }: AdminParts): ConnectorRow[] {
  const seats = new Map(registry.seats().map((seat) => [seat.connector.id, seat]))
  return connectors.list().map((record) => {
    const { tunnels = [], offers = [] } = seats.get(record.id) ?? {}
    const flows = tunnels.reduce((sum, tunnel) => sum + tunnel.flowCount, 0)
    return { ...connectorFacts(record), tunnels: tunnels.length, flows, apps: offers.map(appRow) }
  })
}

function connectorFacts({ id, name, grants, enrolledAt, revokedAt }: ConnectorRecord) {
  const facts = { id, name, mayPublish: grants.map(formatPattern), enrolledAt }
  return revokedAt === undefined ? facts : { ...facts, revokedAt }
}

const appRow = ({ pattern, ports, health }: Offer) => ({
  pattern: formatPattern(pattern),
  ports: ports.map(formatRange),
  health,
})

function formatRange({ from, to, protocol }: PortRange): string {
  const range = from === to ? `${from}` : `${from}-${to}`
  return protocol === 'tcp' ? range : `${protocol}/${range}`
}

/** By id, or by name where only one that is live has it. */
async function revokeConnector({ connectors }: AdminParts, wanted: string) {
  const live = connectors.list().filter(({ revokedAt }) => revokedAt === undefined)
  const found = live.filter(({ id, name }) => id === wanted || name === wanted)
  const [connector, another] = found
  if (!connector) throw unknownConnector(wanted)
  if (another) throw new ParamError('connector', `${wanted} names several: give the id`)
  await connectors.revoke(connector.id, BY)
  return { schema: 1, revoked: { id: connector.id, name: connector.name } }
}

const listSessions = ({ sessions, tunnelsOf }: AdminParts): SessionRow[] =>
  sessions.list().map((session) => ({ ...sessionFacts(session), tunnels: tunnelsOf(session.id) }))

function sessionFacts(session: Session) {
  const { id, person, deviceThumbprint, deviceFacts, createdAt, expiresAt } = session
  const device = { device: deviceThumbprint, deviceFacts: { ...deviceFacts } }
  return { id, who: nameOf(session.person), issuer: person.issuer, ...device, createdAt, expiresAt }
}

/** By session id, or every session of a person. */
async function revokeSessions({ sessions }: AdminParts, wanted: string) {
  const found = sessions
    .list()
    .filter((session) => session.id === wanted || nameOf(session.person) === wanted.toLowerCase())
  if (found.length === 0) throw unknownSession(wanted)
  await Promise.all(found.map(({ id }) => sessions.revoke(id, BY)))
  return {
    schema: 1,
    revoked: found.map((session) => ({ id: session.id, who: nameOf(session.person) })),
  }
}

const unknownConnector = (wanted: string) =>
  new UnknownError(
    'ERR_CONNECTOR_UNKNOWN',
    `no connector that is live has the id or name ${wanted}`,
    'byname connector list',
  )

const unknownSession = (wanted: string) =>
  new UnknownError(
    'ERR_SESSION_UNKNOWN',
    `no session that is live has the id or person ${wanted}`,
    'byname session list',
  )
