import { LEAST_WINDOW_BYTES } from '../limits.ts'

const INITIAL_BYTES = 256 * 1024
const MOST_WINDOW_BYTES = 4 * 1024 * 1024

export interface BudgetOptions {
  /** Shared by the first windows of all flows: each has at most 256 KiB, at least 16 KiB of it. */
  readonly firstBytes?: number
  /** Shared by the flows that grow. Beyond the processor's cache more in flight only costs time. */
  readonly growthBytes?: number
}

/** How much the flows of one process may have on their way to it. Share one among all endpoints. */
export class WindowBudget {
  readonly #firstBytes: number
  readonly #growthBytes: number
  #flows = 0
  #growing = 0

  constructor({ firstBytes = 64 << 20, growthBytes = 32 << 20 }: BudgetOptions = {}) {
    this.#firstBytes = firstBytes
    this.#growthBytes = growthBytes
  }

  get flows(): number {
    return this.#flows
  }

  enter(): void {
    this.#flows += 1
  }

  leave(): void {
    this.#flows -= 1
  }

  startGrowing(): void {
    this.#growing += 1
  }

  stopGrowing(): void {
    this.#growing -= 1
  }

  /** The window of a flow that does not grow. */
  get firstWindowBytes(): number {
    const share = Math.floor(this.#firstBytes / Math.max(1, this.#flows))
    return Math.min(INITIAL_BYTES, Math.max(LEAST_WINDOW_BYTES, share))
  }

  /** The most that a growing flow may have now. */
  get grownWindowBytes(): number {
    const share = Math.floor(this.#growthBytes / Math.max(1, this.#growing))
    return Math.max(this.firstWindowBytes, Math.min(MOST_WINDOW_BYTES, share))
  }
}
