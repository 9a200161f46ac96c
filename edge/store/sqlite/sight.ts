import { statSync } from 'node:fs'

/** Looking whether the file is still the one that is open costs a system call: not at every poll. */
const LOOK_MS = 1000
/** A mirror whose reading fails tries again each 100 ms: this long without a failure, and it reads. */
const TROUBLE_MS = 1000

/**
 * When this process last saw the store as it is. That a statement runs proves little: what is open may
 * be a file that was since replaced, or one whose changes cannot be read; revocations in them are
 * missed, and flows that should end would go on.
 */
export class Sight {
  readonly #path: string
  readonly #file: string | undefined
  #isSame = true
  #lookedAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  /** ms since the epoch */
  lastAt: number

  constructor(path: string, now: number) {
    this.#path = path
    this.#file = fileOf(path)
    this.lastAt = now
  }

  /** A statement ran at `now`. */
  seen(now: number): void {
    if (Math.abs(now - this.#lookedAt) >= LOOK_MS) {
      this.#lookedAt = now
      this.#isSame = fileOf(this.#path) === this.#file
    }
    const isTroubled = Math.abs(now - this.#failedAt) < TROUBLE_MS
    if (this.#isSame && !isTroubled) this.lastAt = now
  }

  /** Somebody who follows the store could not read its changes. */
  failed(now: number): void {
    this.#failedAt = now
  }
}

function fileOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats && `${stats.dev} ${stats.ino}`
}
