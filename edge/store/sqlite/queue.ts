import type { DatabaseSync } from 'node:sqlite'
import { STORE_LIMITS, StoreError } from '../store.ts'
import { isBusy, storeProblem } from './problem.ts'

interface Work {
  readonly run: () => unknown
  readonly isEphemeral: boolean
  readonly queuedAt: number
  resolve(result: unknown): void
  reject(error: unknown): void
}

const AT_ONCE = 500
const RETRY_MS = 10
const GIVE_UP_MS = 5_000

/**
 * Gathers the writes of one turn of the event loop into one transaction (one sync to disk for all of
 * them), in the order asked. While another process holds the file they wait here, not in a blocked
 * event loop; after 5 s they fail with ERR_STORE_BUSY.
 */
export class WriteQueue {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #onKept: () => void
  #waiting: Work[] = []
  #timer: NodeJS.Immediate | NodeJS.Timeout | undefined
  #isSynchronousFull: boolean | undefined
  #closed = false

  constructor(db: DatabaseSync, path: string, onKept: () => void) {
    this.#db = db
    this.#path = path
    this.#onKept = onKept
  }

  /** Runs `work` in the next transaction; resolves with its result once that is committed. */
  run<T>(work: () => T, isEphemeral: boolean): Promise<T> {
    if (this.#closed) return Promise.reject(this.closedError())
    if (this.#waiting.length >= STORE_LIMITS.queuedWrites) return Promise.reject(this.#busyError())
    return new Promise<T>((resolve, reject) => {
      const settle = resolve as (result: unknown) => void
      const queuedAt = performance.now()
      this.#waiting.push({ run: work, isEphemeral, queuedAt, resolve: settle, reject })
      this.#timer ??= setImmediate(() => this.#flush())
    })
  }

  /** Writes what waits, at once; what cannot be written is refused. */
  close(): void {
    this.#closed = true
    while (this.#waiting.length > 0) {
      const before = this.#waiting.length
      this.#flush()
      if (this.#waiting.length === before) this.#refuse(this.#waiting.splice(0), this.#busyError())
    }
    this.#disarm()
  }

  closedError(): StoreError {
    return new StoreError('ERR_STORE_CLOSED', 'the store is closed', { path: this.#path })
  }

  #flush(): void {
    this.#disarm()
    const batch = this.#waiting.splice(0, AT_ONCE)
    try {
      const results = this.#commit(batch)
      for (const [at, work] of batch.entries()) work.resolve(results[at])
      this.#onKept()
    } catch (error) {
      if (isBusy(error)) this.#putBack(batch)
      else this.#refuse(batch, storeProblem(error, this.#path))
    }
    if (this.#waiting.length > 0) this.#timer ??= setImmediate(() => this.#flush())
  }

  #commit(batch: readonly Work[]): unknown[] {
    this.#setSynchronous(batch.some((work) => !work.isEphemeral))
    this.#db.exec('begin immediate')
    try {
      const results = batch.map((work) => work.run())
      this.#db.exec('commit')
      return results
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('rollback')
      throw error
    }
  }

  /** FULL syncs the write-ahead log at commit, NORMAL leaves that to the next checkpoint. */
  #setSynchronous(isFull: boolean): void {
    if (this.#isSynchronousFull === isFull) return
    this.#db.exec(`pragma synchronous = ${isFull ? 'full' : 'normal'}`)
    this.#isSynchronousFull = isFull
  }

  #putBack(batch: readonly Work[]): void {
    const oldest = performance.now() - GIVE_UP_MS
    const keep = batch.filter((work) => work.queuedAt > oldest)
    this.#refuse(
      batch.filter((work) => work.queuedAt <= oldest),
      this.#busyError(),
    )
    this.#waiting.unshift(...keep)
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#flush(), RETRY_MS)
  }

  #refuse(batch: readonly Work[], error: unknown): void {
    for (const work of batch) work.reject(error)
  }

  #disarm(): void {
    clearTimeout(this.#timer as NodeJS.Timeout)
    clearImmediate(this.#timer as NodeJS.Immediate)
    this.#timer = undefined
  }

  #busyError(): StoreError {
    const path = this.#path
    return new StoreError('ERR_STORE_BUSY', `another process holds the store: ${path}`, { path })
  }
}
