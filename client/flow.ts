import type { Hostname } from '../names/hostname.ts'

/** The client's side of a flow. (Becomes a re-export of tunnel/endpoint.ts as soon as that is there.) */
export interface Flow {
  readonly id: string
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Hands a chunk over (the flow owns it from now on). `false`: wait for `drained` before the next. */
  write(chunk: Uint8Array): boolean
  end(): void
  reset(code: string, reason?: string): void
  /** The program took this many bytes: gives the other end more credit. */
  consumed(bytes: number): void
}

export interface FlowHandlers {
  opened?(info: OpenedInfo): void
  refused?(refusal: Refused): void
  data(chunk: Uint8Array): void
  ended(): void
  reset(end: { readonly code: string; readonly reason: string }): void
  drained(): void
}

export interface OpenedInfo {
  readonly instance: string
  readonly gateMicros: number
  readonly relayMicros: number
  readonly resolveMicros: number
  readonly connectMicros: number
}

export interface Refused {
  readonly code: string
  readonly reason: string
  readonly facts: Readonly<Record<string, unknown>>
}

export type OnRamp =
  | 'run'
  | 'socks'
  | 'connect'
  | 'http-proxy'
  | 'loopback'
  | 'transparent'
  | 'gateway'
  | 'web'

/** What a program wants to reach: always a name, never an address. */
export interface FlowTarget {
  readonly name: Hostname
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  readonly onRamp: OnRamp
}
