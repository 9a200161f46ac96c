/** Wakes everybody who waits. Whoever takes `next()` before looking cannot miss a change. */
export class Wake {
  #deferred = Promise.withResolvers<void>()

  next(): Promise<void> {
    return this.#deferred.promise
  }

  poke(): void {
    this.#deferred.resolve()
    this.#deferred = Promise.withResolvers<void>()
  }
}
