import { findHostname } from '../../names/hostname.ts'
import { Bucket } from '../../tunnel/bucket.ts'
import { TunnelError } from '../../tunnel/codes.ts'
import type { ControlMessage, Renew } from '../../tunnel/control.ts'
import type { Facts, FlowEnd } from '../../tunnel/flow.ts'
import { type OnRamp, readClientContext } from '../../tunnel/messages/open-context.ts'
import type { LinkClosed, TunnelClock } from '../../tunnel/port.ts'
import type { RelayFlow, RelayHandlers, RelayTunnel } from '../../tunnel/relay.ts'
import type { LiveFlow } from '../gate/live.ts'
import { type Denial, deny, type FlowRequest } from '../gate/verdict.ts'
import type { Gate } from '../gate.ts'
import type { Counts } from '../metrics.ts'
import type { People } from '../people.ts'
import type { Questions } from '../questions.ts'
import { type RefusalBooks, refuseFlow } from '../route/refuse.ts'
import type { Resumes } from '../route/resumes.ts'
import type { Route } from '../route.ts'
import type { Session, Sessions } from '../sessions/session.ts'

export interface ClientTunnelOptions {
  readonly session: Session
  /** What the device said with AUTH. */
  readonly facts: Facts
  readonly gate: Gate
  readonly route: Pick<Route, 'open'>
  readonly resumes: Pick<Resumes, 'ask'>
  readonly people: People
  readonly questions: Questions<RelayTunnel>
  readonly sessions: Pick<Sessions, 'renewOverTunnel'>
  readonly books: RefusalBooks
  readonly counts: Pick<Counts, 'refused' | 'judged'>
  readonly clock: TunnelClock
  readonly closed: (why: LinkClosed) => void
}

/** What a client may do over its tunnel: open flows, ask about names, renew its token. */
export class ClientTunnel implements RelayHandlers {
  readonly #options: ClientTunnelOptions
  readonly #renewals: Bucket
  #tunnel: RelayTunnel | undefined
  #facts: Facts

  constructor(options: ClientTunnelOptions) {
    this.#options = options
    this.#facts = options.facts
    this.#renewals = new Bucket(...RENEWALS, options.clock.now())
  }

  /** All tunnels of a session have one share of what goes to a connector. */
  get party(): string {
    return this.#options.session.id
  }

  /** Called once, in the turn in which the relay took the link over. */
  attach(tunnel: RelayTunnel): void {
    this.#tunnel = tunnel
  }

  open(flow: RelayFlow): void {
    const begin = this.#options.clock.micros()
    const request = this.#requestOf(flow)
    if ('code' in request) this.#refuseUnread(flow, request)
    else this.#judge(flow, request, begin)
  }

  resume(flow: RelayFlow): void {
    const request = this.#requestOf(flow)
    if ('code' in request) this.#refuseUnread(flow, request)
    else this.#options.resumes.ask({ flow, request })
  }

  control(message: ControlMessage): void {
    const { questions, session } = this.#options
    switch (message.kind) {
      case 'resolve':
        if (this.#tunnel) questions.ask(this.#tunnel, session.id, message)
        break
      case 'renew':
        if (this.#renewals.take(this.#options.clock.now())) void this.#renew(message)
        break
      case 'facts':
        this.#facts = message.facts
        break
      default:
        // What a connector says, or a later version: nothing to do with it here.
        break
    }
  }

  closed(why: LinkClosed): void {
    if (this.#tunnel) this.#options.questions.gone(this.#tunnel)
    this.#options.closed(why)
  }

  #judge(flow: RelayFlow, request: FlowRequest, begin: number): void {
    const { clock, gate, route, counts, books } = this.#options
    const old = gate.findLive(flow.flowId)
    const verdict = old && !isSentAgain(flow, request, old) ? TAKEN : gate.admit(request, old)
    const gateMicros = Math.round(clock.micros() - begin)
    counts.judged(gateMicros)
    if (verdict.kind === 'granted') old?.letGo()
    const denial =
      verdict.kind === 'denied' ? verdict : route.open(flow, verdict, gateMicros, old?.instance)
    if (denial) refuseFlow(flow, request, denial, gateMicros, books)
  }

  #requestOf(flow: RelayFlow): FlowRequest | FlowEnd {
    const { session, people, clock } = this.#options
    const name = findHostname(flow.name)
    const { port, protocol } = flow
    const onRamp = onRampOf(flow)
    // One spelling a name on the wire: another one was made by hand, and is refused whole.
    if (name === undefined || name !== flow.name) return NO_HOSTNAME
    if (onRamp === undefined || port < 1) return MALFORMED
    const standing = people.standing(session.id)
    const who = standing.kind === 'good' ? standing.who : people.requester(session)
    const device = { thumbprint: session.deviceThumbprint, selfReported: this.#facts }
    return { who, session: session.id, name, port, protocol, onRamp, device, now: clock.now() }
  }

  #refuseUnread(flow: RelayFlow, { code, reason }: FlowEnd): void {
    flow.refuse(code, reason)
    this.#options.counts.refused(code)
  }

  /** A renewal that fails is not answered: the client asks again over HTTP and hears why. */
  async #renew({ proof }: Renew): Promise<void> {
    const { sessions, session } = this.#options
    const token = await sessions.renewOverTunnel(session.id, proof).catch(() => undefined)
    if (token) this.#tunnel?.send({ kind: 'renewed', ...token })
  }
}

/** Each costs two signatures and a write to the store, and a token lasts ten minutes. */
const RENEWALS = [1, 10] as const

const NO_HOSTNAME: FlowEnd = { code: 'no-such-name', reason: 'that is no hostname' }
const MALFORMED: FlowEnd = { code: 'protocol-error', reason: 'that is no proper request' }

function onRampOf({ context }: RelayFlow): OnRamp | undefined {
  try {
    return readClientContext(context).onRamp
  } catch (error) {
    if (error instanceof TunnelError) return undefined
    throw error
  }
}

/** An OPEN whose answer was lost comes again, with the same id: it takes the place of the first. */
const isSentAgain = (flow: RelayFlow, { session }: FlowRequest, old: LiveFlow): boolean =>
  flow.attempt > old.attempt && old.request.session === session

const TAKEN: Denial = deny('protocol-error', 'a flow of that id is there already')
