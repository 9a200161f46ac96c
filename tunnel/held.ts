const NOTHING = new Uint8Array(0)

/** Bytes that came before there was anybody to give them to: in one piece, however small they came. */
export class Held {
  #bytes = NOTHING
  #length = 0
  hasEnded = false

  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#bytes.length) this.#grow(Math.max(length, this.#bytes.length * 2))
    this.#bytes.set(bytes, this.#length)
    this.#length = length
  }

  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length)
    this.drop()
    return taken
  }

  drop(): void {
    this.#bytes = NOTHING
    this.#length = 0
  }

  #grow(size: number): void {
    const larger = new Uint8Array(size)
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}
