/** Over so many round trips the best rate counts: some are slow for no reason of the line's. */
const MOST_ROUNDS = 10
/** … unless they are old: a line that became slower makes round trips long. */
const LEAST_ROUNDS = 2
const ROUNDS_MICROS = 2_000_000
/** The line is full when so many rounds have brought no quarter more. */
const FLAT_ROUNDS = 2
/** A peer that tells nothing must not make this grow. */
const MOST_BATCHES = 512

/** What was given to the carrier at once, and what was known then. */
interface Batch {
  end: number
  atMicros: number
  readonly told: number
  readonly toldAtMicros: number
  readonly beforeMicros: number
  readonly isIdle: boolean
}

interface Round {
  readonly sinceMicros: number
  best: number
}

/**
 * How fast a tunnel delivers, from when bytes were given to it and when the other end told of them: as
 * BBR does (draft-ietf-ccwg-bbr §4.1). Bytes per microsecond; times in microseconds.
 */
export class Bandwidth {
  #batches: Batch[] = []
  #told = 0
  #toldAtMicros = 0
  /** When the last batch was given that is told of. */
  #beforeMicros = 0
  /** Up to here the sender had nothing more to give: what it shows is not the line's rate. */
  #idleUpTo = 0
  #roundEnd = 0
  /** The best of each of the last rounds. */
  readonly #rounds: Round[] = [{ sinceMicros: 0, best: 0 }]
  #most = 0
  #peak = 0
  #flat = 0

  /** 0 while nothing is known. */
  get bytesPerMicro(): number {
    return this.#most
  }

  /** More in flight has brought no more for a while. */
  get isFilled(): boolean {
    return this.#flat >= FLAT_ROUNDS
  }

  /** Everything that there was up to `end` was given, and more could have been. */
  idle(end: number): void {
    this.#idleUpTo = end
  }

  given(end: number, nowMicros: number): void {
    if (this.#batches.length === 0) {
      this.#toldAtMicros = nowMicros
      this.#beforeMicros = nowMicros
    }
    const last = this.#batches.at(-1)
    if (last !== undefined && this.#batches.length >= MOST_BATCHES) {
      last.end = end
      last.atMicros = nowMicros
      return
    }
    this.#batches.push({
      end,
      atMicros: nowMicros,
      told: this.#told,
      toldAtMicros: this.#toldAtMicros,
      beforeMicros: this.#beforeMicros,
      isIdle: this.#idleUpTo > this.#told,
    })
  }

  /** The other end has read `total` bytes. */
  told(total: number, nowMicros: number): void {
    this.#told = total
    this.#toldAtMicros = nowMicros
    let count = 0
    while ((this.#batches[count]?.end ?? Number.POSITIVE_INFINITY) <= total) count++
    const last = this.#batches[count - 1]
    if (last === undefined) return
    this.#batches.splice(0, count)
    this.#beforeMicros = last.atMicros
    this.#sample(last)
  }

  #sample({ told, toldAtMicros, beforeMicros, atMicros, isIdle }: Batch): void {
    // Tellings that come in a bunch must not look like a fast line: giving took time as well.
    const tookMicros = Math.max(this.#toldAtMicros - toldAtMicros, atMicros - beforeMicros)
    if (tookMicros <= 0) return
    const rate = (this.#told - told) / tookMicros
    if (!isIdle && told >= this.#roundEnd) this.#nextRound()
    const newest = this.#rounds.at(-1)
    if (newest !== undefined) newest.best = Math.max(newest.best, rate)
    this.#most = Math.max(this.#most, rate)
  }

  #nextRound(): void {
    this.#roundEnd = this.#told
    if (this.#most >= this.#peak * 1.25) {
      this.#peak = this.#most
      this.#flat = 0
    } else this.#flat += 1
    this.#rounds.push({ sinceMicros: this.#toldAtMicros, best: 0 })
    while (this.#isTooLong) this.#rounds.shift()
    this.#most = Math.max(...this.#rounds.map(({ best }) => best))
  }

  get #isTooLong(): boolean {
    const { length } = this.#rounds
    const second = this.#rounds[1]
    if (second === undefined || length <= LEAST_ROUNDS) return false
    return length > MOST_ROUNDS || this.#toldAtMicros - second.sinceMicros > ROUNDS_MICROS
  }
}
