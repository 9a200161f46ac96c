import { randomFillSync } from 'node:crypto'

const ID_BYTES = 16

/** Ids of flows, 128 random bits each. The system is asked for those of 256 flows at once. */
export class FlowIds {
  readonly #random = Buffer.alloc(256 * ID_BYTES)
  #at = this.#random.length

  /** 32 lower-case hex digits. */
  next(): string {
    if (this.#at === this.#random.length) {
      randomFillSync(this.#random)
      this.#at = 0
    }
    const from = this.#at
    this.#at += ID_BYTES
    return this.#random.toString('hex', from, this.#at)
  }
}
