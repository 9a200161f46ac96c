import type { ResetCode } from './codes.ts'

/**
 * One tunnel's carrier, as the pure parts see it: whole messages in order, both ways. `link.ts` makes
 * it of a WebSocket; tests make it of two arrays.
 */
export interface LinkPort {
  /** Queues one message; the link owns the bytes until `written` is called. */
  send(message: Uint8Array, written?: () => void): void
  /**
   * Queues several messages at once. They lie one behind the other from 0 on, each after the bytes
   * that `headroomFor` its length says, and end at `ends`.
   */
  sendSlab(slab: Uint8Array, ends: readonly number[], written: () => void): void
  /** Bytes to leave free before a message of any length: the carrier's own header goes there. */
  readonly headroomBytes: number
  headroomFor(length: number): number
  /** A message of this size, headroom included, travels best. */
  readonly messageBytes: number
  close(code: ResetCode, reason: string): void
  /** Ends the link without a word. */
  terminate(): void
  /**
   * Messages, or pieces of them in their order: they lie in memory that the link uses again, so whoever
   * keeps one must copy it. What comes while this is undefined waits (the link stops reading).
   */
  onMessage: ((message: Uint8Array) => void) | undefined
  /** Once, whoever closed. Set after the close: called at once. */
  onClosed: ((why: LinkClosed) => void) | undefined
}

/** `tunnel-lost` when the carrier broke; else what the closing side said. */
export interface LinkClosed {
  readonly code: ResetCode
  readonly reason: string
  readonly by: 'us' | 'peer' | 'network'
}

export interface TunnelClock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Monotonic microseconds. */
  micros(): number
  /** Runs `task` once, at the end of this turn of the event loop. */
  defer(task: () => void): void
  /** Runs `task` once after `delayMs`; returns the way to call it off. */
  after(delayMs: number, task: () => void): () => void
}

/** The part of a `net.Socket` (made with `allowHalfOpen: true`) that the pump uses. */
export interface SocketPort {
  write(chunk: Uint8Array, written: (error?: Error | null) => void): boolean
  end(): unknown
  cork(): unknown
  uncork(): unknown
  pause(): unknown
  resume(): unknown
  destroy(error?: Error): unknown
  /** Closes with RST, so that the program sees a reset and not an end (net.Socket has it). */
  resetAndDestroy?(): unknown
  readonly destroyed: boolean
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}
