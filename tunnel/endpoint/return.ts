import { TunnelError } from '../codes.ts'
import type { FlowEnd, Protocol } from '../flow.ts'
import { type Open, openedFrame, refusedFrame } from '../frames/open.ts'
import { type Resume, resumedFrame } from '../frames/resume.ts'
import { resetFrame } from '../frames/write.ts'
import type { EndFlow } from './end-flow.ts'
import type { FlowHost, TakeBack } from './flow-host.ts'
import type { FlowTable } from './flow-table.ts'
import type { Streams } from './streams.ts'

export interface ReturnOptions {
  readonly host: FlowHost<EndFlow>
  readonly streams: Streams
  readonly table: FlowTable
}

/** What must be as it was when the flow was opened. */
export interface Returning {
  readonly flowId: string
  readonly attempt: number
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  readonly context: Uint8Array
}

/**
 * The connector's door for flows that come back over another tunnel (SPEC.md §7). Whoever asks under
 * another name or session, with an id that was guessed or an attempt that was used, gets nothing.
 */
export class Return {
  readonly #options: ReturnOptions

  constructor(options: ReturnOptions) {
    this.#options = options
  }

  /** `party`: undefined when it could not be read. */
  resume(stream: number, party: string | undefined, asked: Resume): void {
    const { host, table } = this.#options
    const over = table.findEnd(asked.flowId, party)
    const flow = over ? undefined : this.#find(party, asked)
    const standing = flow && this.#takeBack(flow, stream, asked)
    if (flow && standing) {
      const resumed = { attempt: asked.attempt, ...standing, gateMicros: 0, relayMicros: 0 }
      host.outbox.append(resumedFrame(stream, resumed))
      flow.goOn()
    } else this.#reset(stream, over ?? MISMATCH)
  }

  /**
   * An OPEN that was sent again, since its answer was lost: the flow may be here already.
   * @returns false when it is not
   */
  openAgain(stream: number, party: string | undefined, open: Open): boolean {
    const { host, table } = this.#options
    if (table.find(open.flowId) === undefined) return false
    const flow = this.#find(party, open)
    const { attempt, receiveLimit: limit, sendLimit: allowed } = open
    // What the opener sent before would come twice: an honest one sends OPEN again only without.
    const isFresh = flow?.info !== undefined && flow.hasReceivedNothing
    const asked = { attempt, received: 0, limit, allowed }
    if (isFresh && this.#takeBack(flow, stream, asked)) {
      host.outbox.append(openedFrame(stream, { ...flow.info, gateMicros: 0, relayMicros: 0 }))
      flow.goOn()
    } else host.outbox.append(refusedFrame(stream, { ...MISMATCH, facts: {} }))
    return true
  }

  #find(party: string | undefined, asked: Returning): EndFlow | undefined {
    const flow = this.#options.table.find(asked.flowId)
    if (flow === undefined || party === undefined || flow.party !== party) return undefined
    const { name, port, protocol } = flow.request
    const isSame = name === asked.name && port === asked.port && protocol === asked.protocol
    return isSame && asked.attempt > flow.attempt ? flow : undefined
  }

  /** Undefined when the other end stands where this one cannot go back to. */
  #takeBack(flow: EndFlow, stream: number, asked: TakeBack) {
    const { host, streams } = this.#options
    try {
      const standing = flow.takeBack(host, stream, asked)
      streams.add(flow)
      return standing
    } catch (error) {
      if (error instanceof TunnelError) return undefined
      throw error
    }
  }

  #reset(stream: number, { code, reason }: FlowEnd): void {
    this.#options.host.outbox.append(resetFrame(stream, code, reason))
  }
}

const MISMATCH: FlowEnd = { code: 'resume-mismatch', reason: 'there is no such flow to resume' }
