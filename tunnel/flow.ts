import type { ResetCode } from './codes.ts'

export type Protocol = 'tcp' | 'udp'

/** One end of one flow: a byte stream each way, numbered from 0 (SPEC.md §5). */
export interface Flow {
  /** 32 lower-case hex digits. */
  readonly id: string
  /** Bytes handed to `write`. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /**
   * Hands a chunk over: the flow owns it from now on. `false`: wait for `drained`. `free` is called
   * once the other end has acknowledged all of it, and never for a flow that is broken off.
   */
  write(chunk: Uint8Array, free?: () => void): boolean
  /** No more `write`; what was written is still delivered. */
  end(): void
  /** Ends both directions at once; no handler is called afterwards. */
  reset(code: ResetCode, reason?: string): void
  /** The program took this many bytes: they are credit for the other end again. */
  consumed(bytes: number): void
}

export interface FlowHandlers {
  /** Opener only. */
  opened?(info: OpenedInfo): void
  /** Opener only, instead of `opened`, and the last call. */
  refused?(refusal: Refusal): void
  /**
   * `chunk` lies in memory that is used again: whoever keeps it must copy it. Every byte must be given
   * back by `consumed` some time.
   */
  data(chunk: Uint8Array): void
  /** The other end sends no more. */
  ended(): void
  /** The other end, the edge or the loss of the tunnel ended the flow; the last call. */
  reset(end: FlowEnd): void
  /** `write` may go on after it returned `false`. */
  drained(): void
  /** Both directions are over and acknowledged; the last call of a flow that was not reset. */
  done?(): void
}

export interface FlowEnd {
  readonly code: ResetCode
  readonly reason: string
}

/** Why an OPEN was refused. `facts` has what the sentence for the person needs (the rule, the name). */
export interface Refusal extends FlowEnd {
  readonly facts: Facts
}

export type Facts = Readonly<Record<string, string | number | boolean>>

export interface OpenedInfo {
  /** The connector process that holds the flow: its id and a random part per process start. */
  readonly instance: string
  readonly gateMicros: number
  readonly relayMicros: number
  readonly resolveMicros: number
  readonly connectMicros: number
}

export interface OpenRequest {
  /** 128 random bits, 32 lower-case hex digits. */
  readonly flowId: string
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  /** How many times this OPEN has been sent, this one counted; 1 when left out. */
  readonly attempt?: number
  /** JSON of `messages/open-context.ts`, 4 KiB at most. */
  readonly context: Uint8Array
}
