import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { WebSocket } from 'ws'
import { closeCodeOf, codeOfClose, type ResetCode } from '../codes.ts'
import { textBytes } from '../frames/bytes.ts'
import type { LinkClosed, LinkPort } from '../port.ts'
import type { Masks } from './masks.ts'

/** A tunnel's WebSocket (SPEC.md §2). */
export interface Link extends LinkPort {
  /** 32 bytes of RFC 9266's exporter, equal at both ends of one TLS connection; undefined without TLS. */
  exporter(): Uint8Array | undefined
  /** What TLS agreed on ("X25519MLKEM768"); undefined at the server, which cannot see it. */
  readonly keyAgreement: string | undefined
  readonly remoteAddress: string
  /** Only after READY said that the exporters matched: nobody reads along between the ends. */
  useZeroMasks(): void
  /** The peer has proved itself: what it may send is no longer bounded in all. */
  proven(): void
}

/** What an unproven peer may send in all: the handshake and its WebSocket frames. */
const UNPROVEN_BYTES = 16_384 + 1024

export class WebSocketLink implements Link {
  readonly keyAgreement: string | undefined
  readonly remoteAddress: string
  onDrain: (() => void) | undefined
  bufferedBytes = 0
  readonly #ws: WebSocket
  readonly #socket: Duplex
  readonly #masks: Masks | undefined
  readonly #waiting: Uint8Array[] = []
  #onMessage: ((message: Uint8Array) => void) | undefined
  #onClosed: ((why: LinkClosed) => void) | undefined
  #closing: LinkClosed | undefined
  #closed: LinkClosed | undefined
  #error = ''
  #unprovenBytes = 0

  /** `masks`: at the client only. */
  constructor(ws: WebSocket, socket: Duplex, masks?: Masks) {
    this.#ws = ws
    this.#socket = socket
    this.#masks = masks
    this.keyAgreement = masks ? keyAgreementOf(socket) : undefined
    this.remoteAddress = (socket as Socket).remoteAddress ?? ''
    if (!masks) socket.on('data', this.#countUnproven)
    ws.on('message', (data, isBinary) => this.#message(data as Buffer, isBinary))
    ws.on('error', (error) => this.#failed(error))
    ws.on('close', (code, reason) => this.#ended(code, reason.toString()))
  }

  get onMessage() {
    return this.#onMessage
  }

  set onMessage(listener) {
    this.#onMessage = listener
    for (const message of this.#waiting.splice(0)) this.#onMessage?.(message)
    if (listener) this.#ws.resume()
  }

  get onClosed() {
    return this.#onClosed
  }

  set onClosed(listener) {
    this.#onClosed = listener
    if (this.#closed) listener?.(this.#closed)
  }

  send(message: Uint8Array, written?: () => void): void {
    this.bufferedBytes += message.length
    this.#ws.send(message, () => {
      this.bufferedBytes -= message.length
      written?.()
      this.onDrain?.()
    })
  }

  close(code: ResetCode, reason: string): void {
    this.#closing ??= { code, reason, by: 'us' }
    this.#ws.close(closeCodeOf(code), Buffer.from(textBytes(reason, 123)))
  }

  terminate(): void {
    this.#closing ??= { code: 'tunnel-lost', reason: 'ended without a word', by: 'us' }
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
  }

  readonly #countUnproven = (chunk: Buffer): void => {
    this.#unprovenBytes += chunk.length
    if (this.#unprovenBytes > UNPROVEN_BYTES) this.terminate()
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (this.#closing) return
    if (!isBinary) this.close('protocol-error', 'a text message')
    else if (this.#onMessage) this.#onMessage(data)
    else this.#hold(data)
  }

  /** Between two owners, as after the handshake. */
  #hold(data: Buffer): void {
    this.#waiting.push(data)
    this.#ws.pause()
  }

  #failed(error: Error): void {
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
