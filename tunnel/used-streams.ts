import { TunnelError } from './codes.ts'

/** The highest stream of a tunnel that was ever used. */
export interface UsedStreams {
  lastStream: number
}

/**
 * A peer begins a stream: streams are never used twice (SPEC.md §4).
 * @throws TunnelError `protocol-error`
 */
export function beginStream(streams: UsedStreams, stream: number): void {
  if (stream <= streams.lastStream) {
    throw new TunnelError('protocol-error', 'a stream is used twice', { stream })
  }
  streams.lastStream = stream
}
