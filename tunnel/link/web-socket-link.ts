import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { Bucket } from '../bucket.ts'
import { closeCodeOf, codeOfClose, type ResetCode } from '../codes.ts'
import { textBytes, writeU16 } from '../frames/bytes.ts'
import type { LinkClosed, LinkPort } from '../port.ts'
import { Intake } from './intake.ts'
import type { Masks } from './masks.ts'
import { Slice } from './slice.ts'

/** A tunnel's WebSocket (SPEC.md §2). */
export interface Link extends LinkPort {
  /** 32 bytes of RFC 9266's exporter, equal at both ends of one TLS connection; undefined without TLS. */
  exporter(): Uint8Array | undefined
  /** What TLS agreed on ("X25519MLKEM768"); undefined at the server, which cannot see it. */
  readonly keyAgreement: string | undefined
  readonly remoteAddress: string
  /** This end's own; without it nothing comes back, and no socket says so for minutes. */
  readonly localAddress: string
  /** Only after READY said that the exporters matched: nobody reads along between the ends. */
  useZeroMasks(): void
  /** The peer has proved itself: what it may send is no longer bounded in all. */
  proven(): void
}

/** What only the end that dialled has. */
export interface Dialled {
  readonly masks: Masks
  /** The connection to the edge, or to the proxy in front, below TLS. */
  readonly raw: Socket
}

/**
 * A full message at the client fills a TLS record (2¹⁴ bytes, RFC 8446 §5.1); the edge, whose header
 * is shorter, makes its records as much shorter. Then each record is one message where it is read, and
 * is not copied together, and what the edge passes on needs no other cut.
 */
const BODY_BYTES = 16_384 - 8
/** The longest body whose length fits in the header's second byte. */
const MAX_SHORT_BYTES = 125
/** Pings and pongs of the WebSocket, which are answered below us: as PING of SPEC.md §10. */
const PINGS = [10, 50] as const
/** What an unproven peer may send in all: the handshake and its WebSocket frames. */
const UNPROVEN_BYTES = 16_384 + 1024

export class WebSocketLink implements Link {
  readonly keyAgreement: string | undefined
  readonly remoteAddress: string
  readonly localAddress: string
  readonly headroomBytes: number
  readonly messageBytes: number
  readonly #ws: WebSocket
  readonly #socket: Duplex
  readonly #masks: Masks | undefined
  readonly #raw: Socket | undefined
  readonly #waiting: Uint8Array[] = []
  readonly #slice = new Slice()
  readonly #pings = new Bucket(...PINGS, Date.now())
  readonly #intake: Intake
  #onMessage: ((message: Uint8Array) => void) | undefined
  #onClosed: ((why: LinkClosed) => void) | undefined
  #closing: LinkClosed | undefined
  #closed: LinkClosed | undefined
  #error = ''
  #unprovenBytes = 0

  constructor(ws: WebSocket, socket: Duplex, { masks, raw }: Partial<Dialled> = {}) {
    this.#ws = ws
    this.#socket = socket
    this.#masks = masks
    this.#raw = raw
    this.headroomBytes = masks ? 8 : 4
    this.messageBytes = BODY_BYTES + this.headroomBytes
    if (socket instanceof TLSSocket) socket.setMaxSendFragment(this.messageBytes)
    this.keyAgreement = masks ? keyAgreementOf(socket) : undefined
    this.remoteAddress = (socket as Socket).remoteAddress ?? ''
    this.localAddress = (socket as Socket).localAddress ?? ''
    this.#intake = new Intake({
      socket,
      isPeerMasked: !masks,
      maxBytes: BODY_BYTES,
      piece: (bytes) => this.#piece(bytes),
      read: () => this.#yield(),
    })
    if (!masks) socket.on('data', this.#countUnproven)
    ws.on('ping', () => this.#countPing()).on('pong', () => this.#countPing())
    ws.on('message', (data, isBinary) => this.#message(data as Buffer, isBinary))
    ws.on('error', (error) => this.#failed(error))
    ws.on('close', (code, reason) => this.#ended(code, reason.toString()))
  }

  get onMessage() {
    return this.#onMessage
  }

  set onMessage(listener) {
    this.#onMessage = listener
    this.#deliver()
  }

  get onClosed() {
    return this.#onClosed
  }

  set onClosed(listener) {
    this.#onClosed = listener
    if (this.#closed) listener?.(this.#closed)
  }

  send(message: Uint8Array, written?: () => void): void {
    this.#ws.send(message, () => written?.())
  }

  headroomFor(length: number): number {
    return length > MAX_SHORT_BYTES ? this.headroomBytes : this.headroomBytes - 2
  }

  /**
   * Unmasked messages are written as they lie there, headers and all, in one piece. `ws` would hand
   * each over as header and body, which TLS copies together.
   */
  sendSlab(slab: Uint8Array, ends: readonly number[], written: () => void): void {
    if (this.#ws.readyState !== WebSocket.OPEN) written()
    else if (this.#masks && !this.#masks.zero) this.#sendMasked(slab, ends, written)
    else this.#sendPlain(slab, ends, written)
  }

  close(code: ResetCode, reason: string): void {
    this.#closing ??= { code, reason, by: 'us' }
    this.#ws.close(closeCodeOf(code), Buffer.from(textBytes(reason, 123)))
    // Whoever floods does not stop for a word: the rest is not even read until the timeout.
    if (code === 'rate-limited') this.#ws.pause()
  }

  terminate(): void {
    this.#closing ??= { code: 'tunnel-lost', reason: 'ended without a word', by: 'us' }
    // Where nothing is heard an end in order waits behind bytes that are never acknowledged, and the
    // other end would keep the tunnel for as long; a reset comes through at once.
    if (this.#raw && !(this.#raw instanceof TLSSocket)) this.#raw.resetAndDestroy()
    this.#ws.terminate()
  }

  exporter(): Uint8Array | undefined {
    if (!(this.#socket instanceof TLSSocket)) return undefined
    return this.#socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
  }

  useZeroMasks(): void {
    if (this.#masks) this.#masks.zero = true
  }

  proven(): void {
    this.#socket.off('data', this.#countUnproven)
    this.#intake.open()
  }

  #sendPlain(slab: Uint8Array, ends: readonly number[], written: () => void): void {
    let start = 0
    for (const end of ends) start = this.#putHeader(slab, start, end)
    this.#socket.write(slab.subarray(0, start), () => written())
  }

  #sendMasked(slab: Uint8Array, ends: readonly number[], written: () => void): void {
    let start = 0
    for (const end of ends) {
      const { bodyStart } = this.#bodyOf(start, end)
      this.#ws.send(
        slab.subarray(bodyStart, end),
        end === ends.at(-1) ? () => written() : undefined,
      )
      start = end
    }
  }

  /** RFC 6455 §5.2, a final binary frame; the mask, at the client, is zero. */
  #putHeader(slab: Uint8Array, start: number, end: number): number {
    const { bodyStart, length } = this.#bodyOf(start, end)
    const maskBit = this.#masks ? 0x80 : 0
    slab[start] = 0x82
    if (length > MAX_SHORT_BYTES) {
      slab[start + 1] = maskBit | 126
      writeU16(slab, start + 2, length)
    } else slab[start + 1] = maskBit | length
    if (this.#masks) slab.fill(0, bodyStart - 4, bodyStart)
    return end
  }

  #bodyOf(start: number, end: number): { bodyStart: number; length: number } {
    const long = end - start - this.headroomBytes
    const bodyStart = start + (long > MAX_SHORT_BYTES ? this.headroomBytes : this.headroomBytes - 2)
    return { bodyStart, length: end - bodyStart }
  }

  readonly #countUnproven = (chunk: Buffer): void => {
    this.#unprovenBytes += chunk.length
    if (this.#unprovenBytes > UNPROVEN_BYTES) this.terminate()
  }

  #yield(): void {
    if (!this.#slice.isOver()) return
    this.#ws.pause()
    setImmediate(() => {
      if (this.#waiting.length === 0 && this.#closing?.code !== 'rate-limited') this.#ws.resume()
    })
  }

  /** We have PINGs of our own; a proxy in between may have these. */
  #countPing(): void {
    if (this.#closing || this.#pings.take(Date.now())) return
    this.close('rate-limited', 'too many WebSocket pings')
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (this.#closing) return
    if (!isBinary) this.close('protocol-error', 'a text message')
    else if (this.#onMessage && this.#waiting.length === 0) this.#onMessage(data)
    else this.#hold(data)
  }

  /** In memory that is used for the next read: whoever keeps it must copy it. */
  #piece(bytes: Buffer): void {
    if (this.#closing) return
    if (this.#onMessage && this.#waiting.length === 0) this.#onMessage(bytes)
    else this.#hold(Buffer.from(bytes))
  }

  /** Between two owners, as after the handshake. */
  #hold(data: Buffer): void {
    this.#waiting.push(data)
    this.#ws.pause()
  }

  /** A listener may give up listening after any message. */
  #deliver(): void {
    while (this.#onMessage) {
      const message = this.#waiting.shift()
      if (message === undefined) {
        this.#ws.resume()
        return
      }
      this.#onMessage(message)
    }
  }

  #failed(error: Error): void {
    this.#intake.stop()
    this.#error = error.message
    const broken = 'code' in error && String(error.code).startsWith('WS_ERR_')
    if (broken) this.#closing ??= { code: 'protocol-error', reason: error.message, by: 'us' }
  }

  #ended(closeCode: number, reason: string): void {
    const code = codeOfClose(closeCode)
    const said: LinkClosed = code
      ? { code, reason, by: 'peer' }
      : { code: 'tunnel-lost', reason: this.#error || `closed (${closeCode})`, by: 'network' }
    this.#closed = this.#closing ?? said
    this.#onClosed?.(this.#closed)
  }
}

function keyAgreementOf(socket: Duplex): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const info = socket.getEphemeralKeyInfo()
  return info !== null && 'name' in info ? info.name : undefined
}
