import { setTimeout as sleep } from 'node:timers/promises'
import { type Change, type Entry, type Store, StoreError } from './store.ts'

/** Told of each difference: `before` or `after` is undefined where there was or is none. */
export type MirrorListener<T> = (before: T | undefined, after: T | undefined) => void

interface Held<T> {
  readonly value: T
  readonly revision: number
  readonly generation: number
}

/**
 * The entries under a prefix, parsed and held in memory, never older than the store's own delay. An
 * entry that does not parse is as if it were absent.
 */
export class Mirror<T> {
  readonly #store: Store
  readonly #prefix: string
  readonly #parse: (entry: Entry) => T | undefined
  readonly #onChange: MirrorListener<T>
  readonly #held = new Map<string, Held<T>>()
  readonly #stop = new AbortController()
  #toldUpTo = 0
  #generation = 0
  #running: Promise<void> = Promise.resolve()

  private constructor(
    store: Store,
    prefix: string,
    parse: (entry: Entry) => T | undefined,
    onChange: MirrorListener<T>,
  ) {
    this.#store = store
    this.#prefix = prefix
    this.#parse = parse
    this.#onChange = onChange
  }

  /** Resolves once everything that is there is held. */
  static async open<T>(
    store: Store,
    prefix: string,
    parse: (entry: Entry) => T | undefined,
    onChange: MirrorListener<T>,
  ): Promise<Mirror<T>> {
    const mirror = new Mirror(store, prefix, parse, onChange)
    const filled = Promise.withResolvers<void>()
    mirror.#running = mirror.#run(filled)
    await filled.promise
    return mirror
  }

  get(key: string): T | undefined {
    return this.#held.get(this.#prefix + key)?.value
  }

  values(): T[] {
    return [...this.#held.values()].map(({ value }) => value)
  }

  /** Takes what this process itself has just written, so that it need not wait to be told. */
  apply(entry: Entry): void {
    // What has been told already knows better: the entry may have been deleted since.
    if (entry.revision > this.#toldUpTo) this.#put(entry)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(filled: PromiseWithResolvers<void>): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const from = { prefix: this.#prefix, cursor: this.#toldUpTo, signal }
        for await (const change of this.#store.follow(from)) {
          this.#take(change)
          if (change.kind === 'caught-up') filled.resolve()
        }
        throw new StoreError('ERR_STORE_CLOSED', 'the store is closed', { path: '' })
      } catch (error) {
        filled.reject(error)
        if ((error as { code?: unknown }).code === 'ERR_STORE_CLOSED') return
        // The store tells by lastReadAt that it cannot be read; here one only tries on.
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #take(change: Change): void {
    switch (change.kind) {
      case 'put':
        this.#toldUpTo = change.entry.revision
        this.#put(change.entry)
        break
      case 'delete':
        this.#toldUpTo = change.revision
        this.#drop(change.key, change.revision)
        break
      case 'reset':
        this.#toldUpTo = 0
        this.#generation++
        break
      case 'caught-up':
        this.#toldUpTo = change.revision
        this.#dropUntold()
        break
    }
  }

  #put(entry: Entry): void {
    const before = this.#held.get(entry.key)
    const generation = this.#generation
    if (before && before.revision >= entry.revision && before.generation === generation) return
    const value = this.#parse(entry)
    if (value === undefined) this.#drop(entry.key, entry.revision)
    else this.#held.set(entry.key, { value, revision: entry.revision, generation })
    if (value !== undefined && before?.revision !== entry.revision) {
      this.#tell(before?.value, value)
    }
  }

  #drop(key: string, revision: number): void {
    const before = this.#held.get(key)
    if (!before || before.revision > revision) return
    this.#held.delete(key)
    this.#tell(before.value, undefined)
  }

  /**
   * A listener that throws has a bug, and what it had to cut may go on: that must end the process
   * (fail closed) and not be taken for trouble with the store.
   */
  #tell(before: T | undefined, after: T | undefined): void {
    try {
      this.#onChange(before, after)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  /** After a reset, what was not told again is gone. */
  #dropUntold(): void {
    for (const [key, { generation, value }] of this.#held) {
      if (generation === this.#generation) continue
      this.#held.delete(key)
      this.#tell(value, undefined)
    }
  }
}

const RETRY_MS = 100
