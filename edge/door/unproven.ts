/**
 * How many peers of one address are on their way in, that is, have not said who they are. Each holds
 * a place until it is let in, refused or gone.
 */
export class Unproven {
  readonly #maxPerAddress: number
  readonly #counts = new Map<string, number>()

  constructor(maxPerAddress: number) {
    this.#maxPerAddress = maxPerAddress
  }

  /** @returns how to give the place back, or undefined when the address has all that it may have */
  enter(address: string): (() => void) | undefined {
    const count = this.#counts.get(address) ?? 0
    if (count >= this.#maxPerAddress) return undefined
    this.#counts.set(address, count + 1)
    let isHeld = true
    return () => {
      if (isHeld) this.#leave(address)
      isHeld = false
    }
  }

  #leave(address: string): void {
    const count = (this.#counts.get(address) ?? 0) - 1
    if (count > 0) this.#counts.set(address, count)
    else this.#counts.delete(address)
  }
}
