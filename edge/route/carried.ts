import { Bucket } from '../../tunnel/bucket.ts'
import type { OpenedInfo } from '../../tunnel/flow.ts'
import type { TunnelClock } from '../../tunnel/port.ts'
import type {
  RelayFlow,
  RelayFlowEnd,
  RelayFlowHandlers,
  RelayTunnel,
  ResumedInfo,
} from '../../tunnel/relay.ts'
import type { FlowLog } from '../flows/log.ts'
import {
  factsOf,
  type HopMicros,
  type KeyAgreements,
  type OpenRecord,
  type ResumeRecord,
  shortText,
} from '../flows/record.ts'
import type { Cut, LiveFlow } from '../gate/live.ts'
import { type FlowRequest, TOLD_CHARACTERS } from '../gate/verdict.ts'
import type { Gate, Grant } from '../gate.ts'
import type { Counts } from '../metrics.ts'
import type { Enrolled } from '../registry.ts'
import { noteRefused } from './refuse.ts'

/** What is kept of flows, and where. */
export interface Books {
  readonly gate: Pick<Gate, 'enter' | 'leave'>
  readonly flows: Pick<FlowLog, 'led' | 'detached' | 'ended' | 'refused'>
  readonly counts: Pick<Counts, 'opened' | 'resumed' | 'refused' | 'detached' | 'ended'>
  readonly clock: TunnelClock
  /** This edge's name. */
  readonly edge: string
  readonly keyAgreements: (client: RelayTunnel, connector: RelayTunnel) => KeyAgreements
  /** How many more cuts that client may be told of. */
  readonly cutsTold: WeakMap<RelayTunnel, Bucket>
}

/** One attachment of a flow: what the relay tells of it, what the gate may do with it, its books. */
export class Carried implements LiveFlow, RelayFlowHandlers {
  readonly request: FlowRequest
  readonly connectorId: string
  rule: string
  until: number | undefined
  readonly #flow: RelayFlow
  readonly #books: Books
  readonly #record: OpenRecord | ResumeRecord
  #opened: OpenedInfo | undefined
  #resumed: ResumedInfo | undefined
  /** What was counted at other edges, or by an older attachment. */
  #upBefore = 0
  #downBefore = 0
  #hasEntered = false
  #overAtOnce: (() => void) | undefined

  constructor(flow: RelayFlow, grant: Grant, led: Led, books: Books) {
    this.#flow = flow
    this.#books = books
    this.request = grant.request
    this.connectorId = led.connector.id
    this.rule = grant.rule
    this.until = grant.until
    this.#record = recordOf(flow, grant, led, books)
  }

  get flowId(): string {
    return this.#flow.flowId
  }

  get attempt(): number {
    return this.#flow.attempt
  }

  get isAnswered(): boolean {
    return this.instance !== undefined
  }

  /** The connector process that has it; undefined before it said so. */
  get instance(): string | undefined {
    return this.#opened?.instance ?? (this.#resumed && this.#flow.instance)
  }

  /** Takes its place at the gate and in the books, once its connector has been asked. */
  enter(grant: Grant): void {
    const { gate, flows, counts } = this.#books
    gate.enter(grant, this)
    if (this.#record.kind === 'open') {
      flows.led(this.#record)
      counts.opened()
    }
    this.#hasEntered = true
    // An OPEN too much for a tunnel that does not read ends both; nobody else would take it out again.
    this.#overAtOnce?.()
  }

  opened(info: OpenedInfo): void {
    this.#opened = info
  }

  /** Only now it is known that the flow is what the RESUME says: before, it was anybody's word. */
  resumed(info: ResumedInfo): void {
    const { flows, counts } = this.#books
    this.#resumed = info
    this.#upBefore = this.#flow.bytesUp
    this.#downBefore = this.#flow.bytesDown
    if (this.#record.kind === 'resume') flows.led(this.#record)
    counts.resumed()
  }

  detached(end: RelayFlowEnd): void {
    if (this.#leave(() => this.detached(end)) || !this.isAnswered) return
    const { flows, counts } = this.#books
    flows.detached(this.#record, { ...this.#left(end), kind: 'detached', code: end.code })
    counts.detached(this.#endHere(end))
  }

  closed(end: RelayFlowEnd): void {
    if (this.#leave(() => this.closed(end))) return
    if (this.#record.kind === 'resume' && !this.isAnswered) this.#notResumed(end)
    else this.#end(end)
  }

  /** RESET at both ends; the client is also told the rule, as long as that does not flood it. */
  cut(cut: Cut): void {
    const { flowId, source } = this.#flow
    const [code, reason] = [cut.code, cut.reason.slice(0, TOLD_CHARACTERS)]
    const rule = cut.rule?.slice(0, TOLD_CHARACTERS)
    this.#flow.reset(code, reason)
    if (!this.#mayTell(source)) return
    source.send({ kind: 'cut', flowId, code, reason, ...(rule === undefined ? {} : { rule }) })
  }

  /** Never RESET what may be open at the connector: that would end the flow itself. */
  letGo(): void {
    const isOpen = this.isAnswered || this.#record.kind === 'resume'
    if (isOpen) this.#flow.detach('it comes back over another tunnel')
    else this.#flow.reset('cancelled', 'it was asked for again')
  }

  /** @returns whether the relay said so before the flow had entered: it is said again then */
  #leave(again: () => void): boolean {
    if (!this.#hasEntered) this.#overAtOnce = again
    else this.#books.gate.leave(this)
    return !this.#hasEntered
  }

  #end(end: RelayFlowEnd): void {
    const { flows, counts } = this.#books
    const { code, by } = end
    flows.ended(this.#record, { ...this.#left(end), kind: 'end', code, by })
    counts.ended(this.#endHere(end))
  }

  /**
   * A RESUME that no connector took. The flow itself is over only if its connector knew it and said so;
   * when the way there broke it comes again, and nothing is written.
   */
  #notResumed(end: RelayFlowEnd): void {
    const { code, reason } = end
    const why = { code, reason, gateMicros: this.#record.gateMicros }
    if (code === 'resume-mismatch')
      noteRefused(this.#flow, this.request, { ...why, code }, this.#books)
    else if (code !== 'tunnel-lost' && code !== 'shutting-down') this.#end(end)
  }

  #left({ reason, bytesUp, bytesDown }: RelayFlowEnd) {
    const { flowId, attempt, instance } = this
    const { session } = this.request
    const left = { schema: 1, time: this.#books.clock.now(), flowId, session, attempt } as const
    const told = { reason: shortText(reason), bytesUp, bytesDown, micros: this.#micros() }
    return { ...left, ...told, ...(instance === undefined ? {} : { instance }) }
  }

  #micros(): HopMicros {
    const gate = this.#record.gateMicros
    const opened = this.#opened
    if (!opened) return this.#resumed ? { gate, relay: this.#resumed.relayMicros } : { gate }
    const { relayMicros: relay, resolveMicros: resolve, connectMicros: connect } = opened
    return { gate, relay, resolve, connect }
  }

  /** With the bytes that went through this edge. */
  #endHere(end: RelayFlowEnd): RelayFlowEnd {
    const [bytesUp, bytesDown] = [end.bytesUp - this.#upBefore, end.bytesDown - this.#downBefore]
    return { ...end, bytesUp, bytesDown }
  }

  #mayTell(client: RelayTunnel): boolean {
    const { cutsTold, clock } = this.#books
    const now = clock.now()
    const bucket = cutsTold.get(client) ?? new Bucket(...CUTS_TOLD, now)
    cutsTold.set(client, bucket)
    return bucket.take(now)
  }
}

/** Where a flow is led to. */
export interface Led {
  readonly connector: Enrolled
  readonly tunnel: RelayTunnel
  readonly gateMicros: number
}

/** A client closes its tunnel over more control messages than DEFAULT_RATES has (tunnel/limits.ts). */
const CUTS_TOLD = [200, 1000] as const

function recordOf(
  { flowId, attempt, kind, source }: RelayFlow,
  { rule, request }: Grant,
  { connector, tunnel, gateMicros }: Led,
  { edge, keyAgreements }: Books,
): OpenRecord | ResumeRecord {
  const { id, name } = connector
  return {
    ...factsOf(flowId, request),
    kind,
    attempt,
    edge,
    gateMicros,
    rule: shortText(rule),
    connector: { id, name },
    keyAgreementReported: keyAgreements(source, tunnel),
  }
}
