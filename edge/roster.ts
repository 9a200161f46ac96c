import { randomUUID } from 'node:crypto'
import type { Log } from '../process/log.ts'
import { type Beat, parseBeat, writeBeat } from './roster/beat.ts'
import { orderedUrls } from './roster/order.ts'
import { Mirror } from './store/mirror.ts'
import { overwrite } from './store/overwrite.ts'
import { type Store, StoreError } from './store/store.ts'

export interface RosterOptions {
  readonly store: Store
  readonly name: string
  readonly url: string
  readonly startedAt: number
  readonly now: () => number
  readonly log: Log
}

const PREFIX = 'edges/'
/** An edge whose last beat is older is taken for dead: its flows are nobody's. */
const FRESH_MS = 10_000
/** How long clients are still told of an edge that beats no more: it may be about to start again. */
const REMEMBER_MS = 5 * 60_000
const COMPLAIN_EVERY_MS = 60_000

/**
 * The edges of the deployment, this one among them: each says every second in the shared store that
 * it is there, where, and whether it takes tunnels.
 */
export class Roster {
  readonly #options: RosterOptions
  readonly #run = randomUUID()
  readonly #beats: Mirror<Beat>
  #state: Beat['state'] = 'running'
  #waiting = 0
  #beating: Promise<void> = Promise.resolve()
  #complainedAt = Number.NEGATIVE_INFINITY

  private constructor(options: RosterOptions, beats: Mirror<Beat>) {
    this.#options = options
    this.#beats = beats
  }

  /** Resolves when the others are known and this one is known to them. */
  static async open(options: RosterOptions): Promise<Roster> {
    let meet: ((beat: Beat) => void) | undefined
    const told = (_: Beat | undefined, beat: Beat | undefined) => beat && meet?.(beat)
    const beats = await Mirror.open(options.store, PREFIX, parseBeat(PREFIX), told)
    const roster = new Roster(options, beats)
    meet = (beat) => roster.#meet(beat)
    await roster.#beat()
    return roster
  }

  /** Call it about every second. */
  tick(): void {
    if (this.#waiting === 0) void this.#beat()
  }

  /** It takes no more tunnels: the others are to be known by their being first. */
  drain(): Promise<void> {
    this.#state = 'draining'
    return this.#beat()
  }

  /** The edges that an end should know of, this one first; at most 8. */
  urls(): string[] {
    return orderedUrls(this.list(), this.#options.name)
  }

  /** Every edge that is, or was until a few minutes ago, by name. */
  list(): readonly (Beat & { readonly isFresh: boolean })[] {
    const now = this.#options.now()
    const beats = this.#beats.values().filter((beat) => now - beat.at < REMEMBER_MS)
    const shown = beats.map((beat) => ({ ...beat, isFresh: isFresh(beat, now) }))
    return shown.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Other edges that take tunnels now. */
  others(): readonly Beat[] {
    const { name } = this.#options
    return this.list().filter((beat) => {
      return beat.name !== name && beat.isFresh && beat.state === 'running'
    })
  }

  /** Whether the edge of that name is still the process that it was at `time`. */
  isAlive(name: string, time: number): boolean {
    const beat = this.#beats.get(name)
    return beat !== undefined && isFresh(beat, this.#options.now()) && beat.startedAt <= time
  }

  async close(): Promise<void> {
    this.#state = 'stopped'
    await this.#beat()
    await this.#beats.close()
  }

  /** One after the other, so that the last word stays. */
  #beat(): Promise<void> {
    this.#waiting++
    this.#beating = this.#beating.then(() => this.#write()).finally(() => this.#waiting--)
    return this.#beating
  }

  async #write(): Promise<void> {
    const { store, name, url, startedAt, now } = this.#options
    const at = now()
    const beat: Beat = { name, url, state: this.#state, startedAt, at, run: this.#run }
    const options = { ephemeral: true, expiresAt: at + REMEMBER_MS }
    try {
      await overwrite(store, PREFIX + name, writeBeat(beat), options)
    } catch (error) {
      // A store that cannot be written is told of by whoever has something to lose in it.
      if (!(error instanceof StoreError)) throw error
    }
  }

  /** Two processes of one name would each take the other's flows for lost. */
  #meet(beat: Beat): void {
    const { name, log, now } = this.#options
    const { run, at, startedAt, state } = beat
    const isOther = beat.name === name && run !== this.#run && state !== 'stopped'
    if (!isOther || at <= this.#options.startedAt) return
    if (now() - this.#complainedAt < COMPLAIN_EVERY_MS) return
    this.#complainedAt = now()
    const facts = { event: 'edge-name-twice', edge: name, startedAt }
    log.error(facts, `another edge on this state directory is called ${name} too: give it a name`)
  }
}

const isFresh = ({ at, state }: Beat, now: number) => state !== 'stopped' && now - at < FRESH_MS
