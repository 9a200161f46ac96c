import type { SessionDocument } from '../../identity/profile.ts'
import type { Log } from '../../process/log.ts'
import type { ControlMessage, Renewed } from '../../tunnel/control.ts'
import type { LinkClosed } from '../../tunnel/port.ts'
import { keepToken } from '../session.ts'
import type { Attempt, ClientHandlers, Tunnel } from './attempt.ts'
import { Renewal } from './renewal.ts'
import type { After } from './waiting.ts'

export interface StandingDeps {
  readonly dial: (attempt: Attempt, handlers: ClientHandlers) => Promise<Tunnel>
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly after: After
}

/** One tunnel from READY to its end. */
export interface Standing {
  readonly tunnel: Tunnel
  readonly session: SessionDocument
  /** The tunnel is gone. */
  readonly ended: Promise<LinkClosed>
  /** Resolves when it takes no more flows: it is gone, or the edge drains (SPEC.md, GOAWAY). */
  readonly retired: Promise<LinkClosed | 'drains'>
}

const TICK_MS = 1_000

/**
 * Dials, and then attends to the tunnel until it ends: ticks, the next token in time, and after
 * GOAWAY the close when its last flow is over.
 * @throws as {@link StandingDeps.dial}
 */
export async function stand(
  attempt: Attempt,
  deps: StandingDeps,
  onControl: (message: ControlMessage) => void,
): Promise<Standing> {
  const ended = Promise.withResolvers<LinkClosed>()
  const drains = Promise.withResolvers<'drains'>()
  let onRenewed = (_message: Renewed): void => {}
  const tunnel = await deps.dial(attempt, {
    control: (message) => (message.kind === 'renewed' ? onRenewed(message) : onControl(message)),
    goAway: () => drains.resolve('drains'),
    closed: ended.resolve,
  })
  const renewal = startRenewal(attempt, tunnel, deps)
  onRenewed = (message) => {
    renewal.planFor(message.expiresAt)
    void keep(attempt, message, deps)
  }
  const stopTicks = startTicks(tunnel, deps, drains.promise)
  void ended.promise.then(() => {
    renewal.stop()
    stopTicks()
  })
  const retired = Promise.race([ended.promise, drains.promise])
  return { tunnel, session: attempt.session, ended: ended.promise, retired }
}

function startRenewal(attempt: Attempt, { endpoint }: Tunnel, deps: StandingDeps): Renewal {
  const { profile, session } = attempt
  const { clock, after } = deps
  const send = endpoint.send.bind(endpoint)
  const { sessionId, expiresAt } = session
  return new Renewal({ profile, sessionId, send, clock, after }, expiresAt)
}

function startTicks(
  { endpoint }: Tunnel,
  { clock }: StandingDeps,
  drains: Promise<'drains'>,
): () => void {
  let isDraining = false
  void drains.then(() => {
    isDraining = true
  })
  const timer = setInterval(() => {
    endpoint.tick(clock())
    if (isDraining && endpoint.flowCount === 0) endpoint.close('shutting-down', 'drained')
  }, TICK_MS)
  return () => clearInterval(timer)
}

async function keep(attempt: Attempt, renewed: Renewed, deps: StandingDeps): Promise<void> {
  const { profile, session } = attempt
  try {
    await keepToken(profile, session.sessionId, renewed, deps.clock())
  } catch (error) {
    deps.log.warn({ event: 'token-not-kept', error }, 'the new token could not be written')
  }
}
