import type { SessionDocument } from '../../identity/profile.ts'
import type { Log } from '../../process/log.ts'
import type { ControlMessage, Renewed } from '../../tunnel/control.ts'
import type { GoAway } from '../../tunnel/endpoint.ts'
import type { LinkClosed } from '../../tunnel/port.ts'
import { keepToken } from '../session.ts'
import type { Attempt, ClientHandlers, Tunnel } from './attempt.ts'
import type { TunnelView } from './plan.ts'
import { Renewal } from './renewal.ts'
import type { After } from './waiting.ts'

export interface StandingDeps {
  readonly dial: (attempt: Attempt, handlers: ClientHandlers) => Promise<Tunnel>
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly after: After
  /** In [0, 1). */
  readonly chance: () => number
}

export interface StandingEvents {
  control(message: ControlMessage): void
  /** It is in doubt, drains, or has ended (`end` is set then). */
  changed(standing: Standing): void
}

/** One tunnel from READY to its end. */
export class Standing implements TunnelView {
  readonly tunnel: Tunnel
  readonly session: SessionDocument
  readonly since: number
  /** Set once the tunnel is gone. */
  end: LinkClosed | undefined
  doubtedAt: number | undefined
  moveAt: number | undefined

  constructor(tunnel: Tunnel, session: SessionDocument, now: number) {
    this.tunnel = tunnel
    this.session = session
    this.since = now
  }

  get edgeUrl(): string {
    return this.tunnel.edgeUrl
  }

  get isOpen(): boolean {
    return this.end === undefined && this.tunnel.endpoint.isOpen
  }

  get flowCount(): number {
    return this.tunnel.endpoint.flowCount
  }

  get canResume(): boolean {
    return this.tunnel.endpoint.canResume
  }

  /** `hasAddress`: the local address of its socket is still this machine's. */
  tick(now: number, hasAddress: boolean): void {
    this.tunnel.endpoint.tick(now)
    if (!hasAddress && this.canResume) this.tunnel.endpoint.lose('the network address is gone')
    const isDoubtful = this.tunnel.endpoint.isInDoubt || !hasAddress
    this.doubtedAt = isDoubtful ? (this.doubtedAt ?? now) : undefined
  }
}

/**
 * Dials, and then sees to the next token in time until the tunnel ends.
 * @throws as {@link StandingDeps.dial}
 */
export async function stand(
  attempt: Attempt,
  deps: StandingDeps,
  events: StandingEvents,
): Promise<Standing> {
  const early = new Early()
  const tunnel = await deps.dial(attempt, early.handlers(events))
  const standing = new Standing(tunnel, attempt.session, deps.clock())
  const renewal = startRenewal(attempt, tunnel, deps)
  early.begin({
    renewed(message) {
      renewal.planFor(message.expiresAt)
      void keep(attempt, message, deps)
    },
    doubted() {
      standing.doubtedAt ??= deps.clock()
      events.changed(standing)
    },
    goAway({ spreadMs }) {
      standing.moveAt ??= deps.clock() + deps.chance() * spreadMs
      events.changed(standing)
    },
    closed(end) {
      renewal.stop()
      standing.end = end
      events.changed(standing)
    },
  })
  return standing
}

interface Listener {
  renewed(message: Renewed): void
  doubted(): void
  goAway(goAway: GoAway): void
  closed(end: LinkClosed): void
}

/** What a tunnel says before its owner has it in its hands is told a moment later. */
class Early {
  #said: ((listener: Listener) => void)[] = []
  #listener: Listener | undefined

  handlers({ control }: Pick<StandingEvents, 'control'>): ClientHandlers {
    const tell = (say: (listener: Listener) => void) => this.#tell(say)
    return {
      control: (message) =>
        message.kind === 'renewed' ? tell((to) => to.renewed(message)) : control(message),
      doubted: () => tell((to) => to.doubted()),
      goAway: (goAway) => tell((to) => to.goAway(goAway)),
      closed: (end) => tell((to) => to.closed(end)),
    }
  }

  begin(listener: Listener): void {
    this.#listener = listener
    for (const say of this.#said.splice(0)) say(listener)
  }

  #tell(say: (listener: Listener) => void): void {
    if (this.#listener) say(this.#listener)
    else this.#said.push(say)
  }
}

function startRenewal(attempt: Attempt, { endpoint }: Tunnel, deps: StandingDeps): Renewal {
  const { profile, session } = attempt
  const { clock, after } = deps
  const send = endpoint.send.bind(endpoint)
  const { sessionId, expiresAt } = session
  return new Renewal({ profile, sessionId, send, clock, after }, expiresAt)
}

async function keep(attempt: Attempt, renewed: Renewed, deps: StandingDeps): Promise<void> {
  const { profile, session } = attempt
  try {
    await keepToken(profile, session.sessionId, renewed, deps.clock())
  } catch (error) {
    deps.log.warn({ event: 'token-not-kept', error }, 'the new token could not be written')
  }
}
