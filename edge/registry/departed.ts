/** Beyond so many the oldest are forgotten: their flows wait a little longer for nothing. */
const MOST = 4096

/**
 * Connector processes whose last connection was closed without a word, as the system does for a process
 * that ended. One whose network is gone closes nothing.
 */
export class Departed {
  readonly #instances = new Set<string>()

  add(instance: string): void {
    this.#instances.add(instance)
    if (this.#instances.size <= MOST) return
    const [oldest] = this.#instances
    if (oldest !== undefined) this.#instances.delete(oldest)
  }

  /** It is here after all. */
  delete(instance: string): void {
    this.#instances.delete(instance)
  }

  has(instance: string): boolean {
    return this.#instances.has(instance)
  }
}
