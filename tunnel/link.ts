import type { Server } from 'node:https'
import type { LinkPort, TunnelClock } from './port.ts'

/** A tunnel's WebSocket (SPEC.md §2). */
export interface Link extends LinkPort {
  /** 32 bytes of RFC 9266's exporter, equal at both ends of one TLS connection; undefined without TLS. */
  exporter(): Uint8Array | undefined
  /** What TLS agreed on ("X25519MLKEM768"); undefined at the server, which cannot see it. */
  readonly keyAgreement: string | undefined
  readonly remoteAddress: string
  /** Only after READY said that the exporters matched: nobody reads along between the ends. */
  useZeroMasks(): void
}

export interface DialOptions {
  /** `wss://host[:port]/tunnel`; `https:` is read as `wss:`. */
  readonly url: string
  /** PEM; instead of the system's trusted roots. */
  readonly ca?: string
  /** `http://[user:password@]host:port` of the CONNECT proxy in front. */
  readonly proxy?: string
  /** OpenSSL group list; `X25519MLKEM768:X25519:prime256v1` when left out. */
  readonly keyAgreements?: string
  /** TCP, proxy, TLS and WebSocket together; 10,000 when left out. */
  readonly handshakeTimeoutMs?: number
  readonly signal?: AbortSignal
}

export declare function dialLink(options: DialOptions): Promise<Link>

export interface AcceptOptions {
  readonly server: Server
  /** `/tunnel` when left out. */
  readonly path?: string
  /** Links at once that wait for AUTH; 1,000 when left out. */
  readonly maxUnproven?: number
}

/** Takes the server's upgrades on `path`; leaves the others to the server's other listeners. */
export declare function acceptLinks(
  options: AcceptOptions,
  onLink: (link: Link) => void,
): { close(): void }

/** Real time and the event loop's turns. */
export declare const systemClock: TunnelClock
