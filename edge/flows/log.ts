import type { Log } from '../../process/log.ts'
import type { TunnelClock } from '../../tunnel/port.ts'
import { type Json, type Store, StoreError } from '../store/store.ts'
import type {
  DetachedRecord,
  EndRecord,
  FlowRecord,
  OpenRecord,
  RefusedRecord,
  ResumeRecord,
} from './record.ts'
import {
  type FirstRecord,
  type FlowFilter,
  type FlowRow,
  joinRecords,
  matches,
  type Whereabouts,
} from './row.ts'
import { NO_TRAIL, type Trail, Trails } from './trail.ts'
import { type Watched, Watchers } from './watchers.ts'

export const FLOW_LOG = 'flows'

export interface FlowLogOptions {
  readonly store: Pick<Store, 'append' | 'read'>
  readonly clock: Pick<TunnelClock, 'after' | 'now'>
  readonly log: Log
  /** Whether a flow without an end is still at the edge that its newest record names. */
  readonly isHeld: Whereabouts['isHeld']
}

/** Writing goes beside the flows, never in their way: so much at a time, in a turn of its own. */
const AT_ONCE = 250
/** From one write to the next: a transaction costs as much as ten records in it. */
const PAUSE_MS = 20
/** A store that stands still costs records, not memory. */
const MAX_WAITING = 100_000
/** A query gives up looking for more matches after this many records. */
const MAX_SCANNED = 200_000
const COMPLAIN_EVERY_MS = 60_000

/** The record of every flow and every refusal, in the store's log, and live for those who watch. */
export class FlowLog {
  readonly #options: FlowLogOptions
  readonly #watchers = new Watchers()
  #waiting: FlowRecord[] = []
  #writing: Promise<void> | undefined
  #lost = 0
  #complainedAt: number | undefined
  #wroteAt = Number.NEGATIVE_INFINITY

  constructor(options: FlowLogOptions) {
    this.#options = options
  }

  /** Records that could not be kept since the start. */
  get lost(): number {
    return this.#lost
  }

  /** It was led to a connector, for the first time or when it came back. */
  led(record: OpenRecord | ResumeRecord): void {
    this.#keep(record)
    this.#tell(record, NO_TRAIL, true)
  }

  refused(record: RefusedRecord): void {
    this.#keep(record)
    this.#tell(record, NO_TRAIL, false)
  }

  detached(led: OpenRecord | ResumeRecord, detached: DetachedRecord): void {
    this.#keep(detached)
    this.#tell(led, { detached }, false)
  }

  ended(led: OpenRecord | ResumeRecord, end: EndRecord): void {
    this.#keep(end)
    this.#tell(led, { end }, false)
  }

  /** The newest `limit` flows that match, the oldest of them first. */
  async list(filter: FlowFilter, limit: number): Promise<FlowRow[]> {
    const rows: FlowRow[] = []
    for await (const row of this.#newestFirst(filter)) {
      if (matches(row, filter)) rows.push(row)
      if (rows.length >= limit) break
    }
    return rows.reverse()
  }

  watch(filter: FlowFilter, signal: AbortSignal): AsyncIterable<Watched> {
    return this.#watchers.watch(filter, signal)
  }

  /** Resolves when all that waits is kept or given up. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0) await (this.#writing ?? this.#write())
    await this.#writing
  }

  #tell(first: FirstRecord, trail: Trail, isHeld: boolean): void {
    if (!this.#watchers.areThere) return
    const where = { now: this.#options.clock.now(), isHeld: () => isHeld }
    this.#watchers.tell(joinRecords(first, trail, where))
  }

  #keep(record: FlowRecord): void {
    if (this.#waiting.length >= MAX_WAITING) this.#lose(1, undefined)
    else this.#waiting.push(record)
    this.#arm()
  }

  /** At once after a quiet while, so that an edge that is killed loses no record but the last ones. */
  #arm(): void {
    if (this.#writing || this.#waiting.length === 0) return
    const { clock } = this.#options
    const isFull = this.#waiting.length >= AT_ONCE
    const sinceMs = Math.max(0, clock.now() - this.#wroteAt)
    const delayMs = isFull ? 0 : Math.max(0, PAUSE_MS - sinceMs)
    this.#writing = new Promise((resolve) => {
      clock.after(delayMs, () => resolve(this.#write()))
    })
  }

  async #write(): Promise<void> {
    this.#wroteAt = this.#options.clock.now()
    const batch = this.#waiting.splice(0, AT_ONCE) as unknown as Json[]
    if (batch.length > 0) await this.#append(batch)
    this.#writing = undefined
    this.#arm()
  }

  /** One that is too large for the store takes no others with it. */
  async #append([first, ...more]: readonly Json[]): Promise<void> {
    if (first === undefined) return
    try {
      await this.#options.store.append(FLOW_LOG, first, ...more)
    } catch (error) {
      const isOne = more.length === 0
      if (isOne || !isTooLarge(error)) this.#lose(1 + more.length, error)
      else for (const one of [first, ...more]) await this.#append([one])
    }
  }

  #lose(count: number, error: unknown): void {
    this.#lost += count
    const now = this.#options.clock.now()
    if (this.#complainedAt !== undefined && now - this.#complainedAt < COMPLAIN_EVERY_MS) return
    this.#complainedAt = now
    const facts = { event: 'flow-records-lost', lost: this.#lost, err: error }
    this.#options.log.error(facts, 'flow records cannot be kept')
  }

  async *#newestFirst({ since = 0 }: FlowFilter): AsyncGenerator<FlowRow, void> {
    const { clock, isHeld } = this.#options
    const where = { now: clock.now(), isHeld }
    const trails = new Trails()
    for await (const record of this.#scan()) {
      // A refused copy of an open flow's id has nothing to do with that flow.
      const isFirst =
        record.kind === 'open' || (record.kind === 'refused' && record.asked === 'open')
      if (isFirst && record.time < since) return
      if (record.kind !== 'open' && !isFirst) trails.follow(record)
      if (record.kind === 'open') yield joinRecords(record, trails.take(record), where)
      else if (record.kind === 'refused') yield joinRecords(record, NO_TRAIL, where)
    }
    for (const { first, trail } of trails.orphans()) yield joinRecords(first, trail, where)
  }

  async *#scan(): AsyncGenerator<FlowRecord, void> {
    await this.flush()
    let before: number | undefined
    for (let scanned = 0; scanned < MAX_SCANNED; ) {
      const range = before === undefined ? {} : { before }
      const page = await this.#options.store.read(FLOW_LOG, {
        limit: 1000,
        newestFirst: true,
        ...range,
      })
      for (const { record } of page) yield record as unknown as FlowRecord
      before = page.at(-1)?.place
      scanned += page.length
      if (page.length === 0) return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

const isTooLarge = (error: unknown) =>
  error instanceof StoreError && error.code === 'ERR_STORE_TOO_LARGE'
