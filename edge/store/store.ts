/** What can rest in the store. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json }

/**
 * The edge's one memory: keys with compare-and-set, expiry and a cursor to follow, beside append-only
 * logs. Every adapter passes test/edge/store-contract.ts. All times are ms since the epoch. Several
 * processes may hold one store; nothing is seen by anybody before it is kept.
 */
export interface Store {
  get(key: string): Promise<Entry | undefined>
  /** Writes a key that is not there (or has expired). */
  create(key: string, value: Json, options?: WriteOptions): Promise<WriteResult>
  /** Writes over exactly `revision`. The options replace the old ones: no `expiresAt`, no expiry. */
  update(key: string, value: Json, revision: number, options?: WriteOptions): Promise<WriteResult>
  /** Deletes; with `revision` only that one. Deleting what is not there is a conflict. */
  delete(key: string, revision?: number): Promise<WriteResult>
  /** Live entries whose key starts with `prefix`, in the order of keys; page on with `after`. */
  list(
    prefix: string,
    page?: { readonly after?: string; readonly limit?: number },
  ): Promise<Entry[]>
  /** Changes in the order of revisions until `signal` aborts or the store closes. */
  follow(options: FollowOptions): AsyncIterable<Change>
  /**
   * Adds to a log's end, all or nothing. Resolves with the place of the last one once they are kept; a
   * turn's appends are kept together.
   */
  append(log: string, record: Json, ...more: readonly Json[]): Promise<number>
  /** Records of a log, by place; at most `limit` (default 100, at most 1,000). */
  read(log: string, options?: ReadOptions): Promise<LogRecord[]>
  /** Records from `after` on (default: from now), then each new one. */
  tail(
    log: string,
    options: { readonly after?: number; readonly signal: AbortSignal },
  ): AsyncIterable<LogRecord>
  /** When this process last saw that the store can be read. Old means: decide nothing upon it. */
  lastReadAt(): number
  /** Keeps what is queued, then lets go. Everything asked afterwards is ERR_STORE_CLOSED. */
  close(): Promise<void>
}

export interface Entry {
  readonly key: string
  readonly value: Json
  /** Rises with every write anywhere in the store: also the cursor of `follow`. */
  readonly revision: number
  readonly expiresAt?: number
}

export interface WriteOptions {
  /** From then on the key is absent; followers see it deleted within a second. */
  readonly expiresAt?: number
  /** May be lost when the machine loses power (never when the process dies): cheap. */
  readonly ephemeral?: boolean
}

export type WriteResult =
  | { readonly kind: 'written'; readonly revision: number }
  | { readonly kind: 'conflict' }

export interface FollowOptions {
  readonly prefix: string
  /** The revision after which to begin; 0: everything that is there first. */
  readonly cursor: number
  readonly signal: AbortSignal
}

export type Change =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number }
  /** All that was there has been told, up to this revision; again after every burst of changes. */
  | { readonly kind: 'caught-up'; readonly revision: number }
  /** The cursor is older than what the store remembers of deletions: forget all, all is told anew. */
  | { readonly kind: 'reset' }

export interface ReadOptions {
  readonly after?: number
  readonly before?: number
  readonly limit?: number
  /** The newest of the range first. */
  readonly newestFirst?: boolean
}

export interface LogRecord {
  readonly place: number
  readonly at: number
  readonly record: Json
}

/** How much of a log is kept: what is older or beyond is dropped, the oldest first. */
export interface LogBound {
  readonly maxAgeMs: number
  readonly maxBytes: number
}

export const STORE_LIMITS = {
  keyCharacters: 512,
  valueBytes: 64 * 1024,
  recordBytes: 16 * 1024,
  queuedWrites: 20_000,
} as const

export type StoreProblem =
  | 'ERR_STORE_CORRUPT'
  | 'ERR_STORE_FOREIGN'
  | 'ERR_STORE_NEWER'
  | 'ERR_STORE_BUSY'
  | 'ERR_STORE_FULL'
  | 'ERR_STORE_READONLY'
  | 'ERR_STORE_UNAVAILABLE'
  | 'ERR_STORE_TOO_LARGE'
  | 'ERR_STORE_CLOSED'

/** The store could not do it. A lost race is no error: it is a WriteResult. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreProblem
  readonly path: string
  readonly why: string | undefined
  readonly fix: string | undefined
  constructor(
    code: StoreProblem,
    what: string,
    facts: { readonly path: string; readonly why?: string; readonly fix?: string },
  ) {
    super(what)
    this.code = code
    this.path = facts.path
    this.why = facts.why
    this.fix = facts.fix
  }
}
