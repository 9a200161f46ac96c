import type { Log } from '../../process/log.ts'
import { Bucket } from '../../tunnel/bucket.ts'
import type { Announce, ControlMessage, Notice } from '../../tunnel/control.ts'
import type { Facts } from '../../tunnel/flow.ts'
import type { LinkClosed, TunnelClock } from '../../tunnel/port.ts'
import type { RelayFlow, RelayHandlers, RelayTunnel } from '../../tunnel/relay.ts'
import type { Questions } from '../questions.ts'
import type { RefusedOffer } from '../registry/offer.ts'
import type { Registry } from '../registry.ts'

export interface ConnectorTunnelOptions {
  readonly connector: { readonly id: string; readonly name: string }
  readonly registry: Registry<RelayTunnel>
  readonly questions: Questions<RelayTunnel>
  /** Keeps what it offers for the next start of the edge. */
  readonly remember: (connectorId: string) => void
  /** It has said what it offers: flows that waited for it may go on. */
  readonly arrived: () => void
  readonly clock: TunnelClock
  readonly log: Log
  readonly closed: (why: LinkClosed) => void
}

/** What a connector may do over its tunnel: say what it offers, answer questions, speak to the admin. */
export class ConnectorTunnel implements RelayHandlers {
  readonly #options: ConnectorTunnelOptions
  readonly #announces: Bucket
  readonly #notices: Bucket
  #tunnel: RelayTunnel | undefined
  /** The newest announcement, while it waits because they come too fast. */
  #waiting: Announce | undefined

  constructor(options: ConnectorTunnelOptions) {
    this.#options = options
    this.#announces = new Bucket(...ANNOUNCES, options.clock.now())
    this.#notices = new Bucket(...NOTICES, options.clock.now())
  }

  /** Called once, in the turn in which the relay took the link over. */
  attach(tunnel: RelayTunnel): void {
    this.#tunnel = tunnel
  }

  /** Only clients open flows. */
  open(flow: RelayFlow): void {
    flow.refuse('protocol-error', 'a connector opens no flows')
  }

  control(message: ControlMessage): void {
    if (!this.#tunnel) return
    const { questions } = this.#options
    switch (message.kind) {
      case 'announce':
        this.#hear(message)
        break
      case 'resolved':
        questions.answer(this.#tunnel, message)
        break
      case 'notice':
        this.#note(message)
        break
      default:
        break
    }
  }

  closed(why: LinkClosed): void {
    const { registry, questions, closed } = this.#options
    if (this.#tunnel) {
      registry.detach(this.#tunnel, why.by === 'network')
      questions.gone(this.#tunnel)
    }
    this.#tunnel = undefined
    closed(why)
  }

  /** Too many at once would push the edge's own lines, or the disk's last bytes, out of the log. */
  #note({ level, code, text, facts }: Notice): void {
    const { log, connector, clock } = this.#options
    if (!this.#notices.take(clock.now())) return
    const write = level === 'info' ? log.info : log.warn
    write.call(log, { event: 'connector-notice', connector: connector.name, code, facts }, text)
  }

  /** Each announcement costs every client's catalogue: of those that come too fast the last counts. */
  #hear(announce: Announce): void {
    const { clock } = this.#options
    const isWaiting = this.#waiting !== undefined
    this.#waiting = announce
    if (isWaiting) return
    if (this.#announces.take(clock.now())) this.#announceWaiting()
    else clock.after(PAUSE_MS, () => this.#announceWaiting())
  }

  #announceWaiting(): void {
    const announce = this.#waiting
    this.#waiting = undefined
    if (announce && this.#tunnel) this.#announce(this.#tunnel, announce)
  }

  #announce(tunnel: RelayTunnel, { apps }: Announce): void {
    const { registry, connector, log, remember, arrived } = this.#options
    const { accepted, refused, isNews } = registry.announce(tunnel, apps)
    arrived()
    // Its other tunnels say the same, and each change of an origin's health says it all again.
    if (!isNews) return
    const facts = { event: 'connector-announced', connector: connector.name, id: connector.id }
    log.info({ ...facts, apps: accepted.length, refused: refused.length }, 'a connector announced')
    for (const offer of refused.slice(0, MAX_NOTICES)) this.#refuse(tunnel, offer)
    remember(connector.id)
  }

  /** Said to whoever runs the connector, and to whoever runs the edge. */
  #refuse(tunnel: RelayTunnel, { pattern, why }: RefusedOffer): void {
    const { connector, log } = this.#options
    const text = `${connector.name} may not publish ${pattern}: ${WHY[why]}`
    const facts: Facts = { pattern, why }
    const code = 'ERR_ANNOUNCE_REFUSED'
    tunnel.send({ kind: 'notice', level: 'error', code, text, facts })
    const event = { event: 'announce-refused', connector: connector.name, id: connector.id }
    log.warn({ ...event, pattern, why }, text)
  }
}

const ANNOUNCES = [2, 20] as const
const PAUSE_MS = 500
const NOTICES = [1, 50] as const

/** The rest of a long list would only repeat the first ones. */
const MAX_NOTICES = 20

const WHY: Record<RefusedOffer['why'], string> = {
  'not-granted': 'its enrolment does not grant that name',
  'not-a-pattern': 'that is no hostname or pattern',
  twice: 'it is announced twice',
  'too-many': 'it announces too many apps',
}
