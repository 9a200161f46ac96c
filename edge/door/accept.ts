import type { Log } from '../../process/log.ts'
import type { FlowEnd } from '../../tunnel/flow.ts'
import type { Link } from '../../tunnel/link.ts'
import {
  type Accepted,
  type AcceptHandshake,
  type Auth,
  type AuthOutcome,
  acceptHandshake,
} from '../../tunnel/messages/handshake.ts'
import type { LinkClosed, TunnelClock } from '../../tunnel/port.ts'
import type { Relay, RelayTunnel } from '../../tunnel/relay.ts'
import type { Catalogues } from '../catalog.ts'
import type { Counts } from '../metrics.ts'
import type { Registry } from '../registry.ts'
import type { Resumes } from '../route/resumes.ts'
import type { Sessions } from '../sessions/session.ts'
import { ClientTunnel, type ClientTunnelOptions } from '../tunnels/client.ts'
import { ConnectorTunnel, type ConnectorTunnelOptions } from '../tunnels/connector.ts'
import type { Tunnels } from '../tunnels/tunnels.ts'
import { Stay } from './stay.ts'

type ClientParts = Omit<
  ClientTunnelOptions,
  'session' | 'facts' | 'closed' | 'sessions' | 'counts' | 'resumes'
>
type ConnectorParts = Omit<
  ConnectorTunnelOptions,
  'connector' | 'registry' | 'arrived' | 'closed' | 'log'
>

export interface AcceptParts extends ClientParts, ConnectorParts {
  readonly handshake: Omit<AcceptHandshake, 'authenticate' | 'edges'>
  /** What READY lists, now. */
  readonly edges: () => readonly string[]
  /** Takes nobody in any more. */
  readonly isDraining: () => boolean
  readonly resumes: Resumes
  readonly authenticate: (auth: Auth) => Promise<AuthOutcome>
  /** A place for a peer that has proved nothing yet; undefined: its address has too many. */
  readonly enter: (address: string) => (() => void) | undefined
  readonly relay: Relay
  readonly tunnels: Tunnels
  readonly catalogues: Catalogues
  readonly registry: Registry<RelayTunnel>
  readonly sessions: Pick<Sessions, 'find' | 'renewOverTunnel'>
  readonly counts: Counts
  readonly clock: TunnelClock
  readonly log: Log
}

/** Lets peers in: the handshake, then the tunnel of a client or of a connector. */
export class Accept {
  readonly #parts: AcceptParts

  constructor(parts: AcceptParts) {
    this.#parts = parts
  }

  /** Never rejects: whatever a peer does ends in a tunnel or in a closed link. */
  async take(link: Link): Promise<void> {
    const { enter, handshake, edges, isDraining, clock, log } = this.#parts
    if (isDraining()) {
      link.close(DRAINING.code, DRAINING.reason)
      return
    }
    const leave = enter(link.remoteAddress)
    if (!leave) {
      link.close('rate-limited', 'too many peers of this address are on their way in')
      return
    }
    const authenticate = (auth: Auth) => this.#authenticate(auth)
    const options = { ...handshake, edges: edges(), authenticate }
    try {
      const accepted = await acceptHandshake(link, options, clock)
      if (accepted) this.#attach(link, accepted)
    } catch (error) {
      log.error({ event: 'accept-failed', err: error }, 'a peer could not be let in')
      link.close('internal', 'the edge failed')
    } finally {
      leave()
    }
  }

  async #authenticate(auth: Auth): Promise<AuthOutcome> {
    const { authenticate, counts, log } = this.#parts
    const outcome = await authenticate(auth)
    if (outcome.kind === 'accepted') return outcome
    const { code, reason } = outcome
    const { role, remoteAddress: from } = auth
    counts.rejected(code)
    log.warn({ event: 'peer-refused', role, from, code }, `a ${role} was refused: ${reason}`)
    return outcome
  }

  #attach(link: Link, { auth, features, you }: Accepted): void {
    const id = you.kind === 'client' ? you.sessionId : you.connectorId
    const refusal = this.#reasonToRefuse(you.kind, id)
    if (refusal) link.close(refusal.code, refusal.reason)
    else if (you.kind === 'client') this.#client(link, auth, features, id)
    else this.#connector(link, auth, features, id)
  }

  /** A session or connector may have ended during the handshake, and nobody would tell this tunnel. */
  #reasonToRefuse(kind: Auth['role'], id: string): FlowEnd | undefined {
    const { people, registry, tunnels, isDraining } = this.#parts
    if (isDraining()) return DRAINING
    const standing = kind === 'client' ? people.standing(id) : undefined
    if (standing?.kind === 'ended') return standing
    if (kind === 'connector' && !registry.findConnector(id)) return REVOKED
    return tunnels.hasRoom(id) ? undefined : TOO_MANY
  }

  #client(link: Link, auth: Auth, features: Features, sessionId: string): void {
    const parts = this.#parts
    const { people, relay, tunnels, catalogues, sessions } = parts
    const session = sessions.find(sessionId)
    if (!session) return
    const stay = new Stay(this.#gone('client', sessionId, auth))
    const client = new ClientTunnel({ ...parts, session, facts: auth.facts, closed: stay.end })
    const tunnel = relay.attach(link, 'client', client, features)
    if (stay.isOver) return
    client.attach(tunnel)
    // A session belongs to one device.
    const owner = { kind: 'client', peer: sessionId, process: sessionId } as const
    stay.until(tunnels.add({ ...owner, keyAgreement: auth.keyAgreement }, tunnel))
    const who = () => {
      const now = people.standing(sessionId)
      return now.kind === 'good' ? now.who : undefined
    }
    stay.until(catalogues.enter({ who, send: (catalog) => tunnel.send(catalog) }))
    this.#came('client', sessionId, auth)
  }

  #connector(link: Link, auth: Auth, features: Features, connectorId: string): void {
    const { relay, tunnels, registry, resumes } = this.#parts
    const connector = registry.findConnector(connectorId)
    if (!connector) return
    const { instance = connectorId, keyAgreement } = auth
    const arrived = () => resumes.arrived(instance)
    const stay = new Stay(this.#gone('connector', connectorId, auth))
    const peer = new ConnectorTunnel({ ...this.#parts, connector, arrived, closed: stay.end })
    const tunnel = relay.attach(link, 'connector', peer, features)
    if (stay.isOver) return
    peer.attach(tunnel)
    registry.attach(connectorId, instance, tunnel)
    const owner = { kind: 'connector', peer: connectorId, process: instance } as const
    stay.until(tunnels.add({ ...owner, keyAgreement }, tunnel))
    this.#came('connector', connectorId, auth)
    arrived()
  }

  #came(role: Auth['role'], id: string, auth: Auth): void {
    const { version, keyAgreement, exporterMatched, remoteAddress: from } = auth
    const said = { version, keyAgreementReported: keyAgreement, exporterMatched }
    const facts = { event: 'tunnel-open', role, id, from, ...said }
    this.#parts.log.info(facts, `a ${role}'s tunnel is open`)
  }

  #gone(role: Auth['role'], id: string, { remoteAddress: from }: Auth) {
    return ({ code, reason, by }: LinkClosed) => {
      const facts = { event: 'tunnel-closed', role, id, from, code, reason, by }
      this.#parts.log.info(facts, `a ${role}'s tunnel is closed`)
    }
  }
}

const REVOKED: FlowEnd = { code: 'connector-revoked', reason: 'this connector is revoked' }
const DRAINING: FlowEnd = { code: 'shutting-down', reason: 'the edge is shutting down' }
const TOO_MANY: FlowEnd = { code: 'rate-limited', reason: 'too many tunnels of one peer' }

type Features = Accepted['features']
