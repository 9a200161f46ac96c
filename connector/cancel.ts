/** What a dial asks whether it is still wanted: an AbortSignal, or a {@link Cancel}. */
export interface CancelSignal {
  readonly aborted: boolean
  addEventListener(event: 'abort', listener: () => void, options?: { readonly once: true }): void
  removeEventListener(event: 'abort', listener: () => void): void
}

/** An AbortController and its signal in one, of which every flow has one: without an EventTarget each. */
export class Cancel implements CancelSignal {
  #listeners: readonly (() => void)[] = NOBODY
  #aborted = false

  get aborted(): boolean {
    return this.#aborted
  }

  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    const listeners = this.#listeners
    this.#listeners = NOBODY
    for (const listener of listeners) listener()
  }

  /** Each is called once. */
  addEventListener(_event: 'abort', listener: () => void): void {
    this.#listeners = [...this.#listeners, listener]
  }

  removeEventListener(_event: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((one) => one !== listener)
  }
}

const NOBODY: readonly (() => void)[] = []
