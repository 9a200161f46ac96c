import { randomFillSync } from 'node:crypto'

/** WebSocket masks protect proxies that misread the traffic, not us: zero where none can read it. */
export class Masks {
  zero = false
  readonly #pool = Buffer.alloc(4096)
  #at = 4096

  readonly next = (mask: Buffer): void => {
    if (this.zero) return void mask.fill(0)
    if (this.#at === this.#pool.length) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    this.#pool.copy(mask, 0, this.#at, this.#at + 4)
    this.#at += 4
  }
}
