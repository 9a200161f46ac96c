import type { Duplex } from 'node:stream'
import type { ResetCode } from './codes.ts'
import type { Flow, FlowEnd, FlowHandlers, Refusal } from './flow.ts'
import { copyOf } from './frames/bytes.ts'
import { Gather } from './gather.ts'
import { placeOf, readInPlace } from './link/read-in-place.ts'
import type { SocketPort } from './port.ts'
import { LEAST_FREED_BYTES, release } from './release.ts'

/** What the caller may want to know before the pump acts on it: to answer SOCKS, to log. */
export interface PipeEvents extends Partial<Pick<FlowHandlers, 'opened' | 'refused' | 'done'>> {
  /** Either end or the tunnel broke the connection off. */
  reset?(end: FlowEnd): void
  /** What RESET says when this socket breaks; `cancelled` when left out, `origin-reset` at an origin. */
  readonly brokenAs?: ResetCode
}

/**
 * Joins a socket (made with `allowHalfOpen: true`) and a flow: bytes both ways with back-pressure, end
 * for end, RST for RESET. `open` is called once, at once, with the handlers that feed the socket, and
 * gives the flow. A refused or reset flow resets the socket, after `events` were told.
 */
export function pipeSocket(
  socket: SocketPort,
  open: (handlers: FlowHandlers) => Flow,
  events: PipeEvents = {},
): Flow {
  const pump = new Pump(socket, events)
  pump.flow = open(pump.handlers)
  pump.start()
  return pump.flow
}

/**
 * All sockets of programs are read into one place: Node would take 64 KiB from the system for every
 * read, however little comes. Nothing else is read before what came is copied out.
 */
const PLACE = placeOf()

/** A keystroke shares its memory with others, a part of a stream is given back alone. */
function own(bytes: Buffer): Uint8Array {
  return bytes.length < LEAST_FREED_BYTES ? Buffer.from(bytes) : copyOf(bytes)
}

class Pump {
  flow: Flow | undefined
  readonly #socket: SocketPort
  readonly #events: PipeEvents
  readonly #gather: Gather
  #readEnded = false
  #writeEnded = false
  /** The flow or the socket is broken; the other was told. */
  #isBroken = false

  constructor(socket: SocketPort, events: PipeEvents) {
    this.#socket = socket
    this.#events = events
    this.#gather = new Gather(socket, (bytes) => this.flow?.consumed(bytes))
  }

  start(): void {
    const socket = this.#socket
    const isInPlace = readInPlace(
      socket as unknown as Duplex,
      (bytes) => this.#read(own(bytes)),
      PLACE,
    )
    if (!isInPlace) socket.on('data', (chunk) => this.#read(chunk))
    socket.on('end', () => {
      this.#readEnded = true
      this.flow?.end()
    })
    socket.on('error', (error) => this.#broken(error.message))
    socket.on('close', () => this.#closed())
    if (socket.destroyed) this.#closed()
    else socket.resume()
  }

  #read(chunk: Uint8Array): void {
    const free = chunk.length < LEAST_FREED_BYTES ? undefined : () => release(chunk)
    if (this.flow?.write(chunk, free) === false) this.#socket.pause()
  }

  /** Own properties: callers take some of them and put others in their place. */
  get handlers(): FlowHandlers {
    const { opened, done } = this.#events
    return {
      opened: (info) => opened?.(info),
      refused: (refusal) => this.#refused(refusal),
      data: (chunk) => this.#gather.add(chunk),
      ended: () => this.#ended(),
      reset: (end) => this.#reset(end),
      drained: () => this.#socket.resume(),
      done: () => done?.(),
    }
  }

  #refused(refusal: Refusal): void {
    this.#isBroken = true
    this.#events.refused?.(refusal)
    this.#kill()
  }

  #ended(): void {
    this.#writeEnded = true
    this.#gather.end()
  }

  #reset(end: FlowEnd): void {
    if (this.#isBroken) return
    this.#isBroken = true
    this.#events.reset?.(end)
    this.#kill()
  }

  /** Both ways ended in order: what is still on its way is the flow's alone now. */
  #closed(): void {
    if (!this.#readEnded || !this.#writeEnded) this.#broken('the connection was closed')
  }

  #broken(reason: string): void {
    if (this.#isBroken) return
    this.#isBroken = true
    const code = this.#events.brokenAs ?? 'cancelled'
    this.flow?.reset(code, reason)
    this.#events.reset?.({ code, reason })
  }

  /**
   * RST at once, whatever still waits to be written; `resetAndDestroy` alone would wait for it. A Unix
   * socket has no RST: it is just closed.
   */
  #kill(): void {
    const socket = this.#socket
    try {
      if (!socket.destroyed) socket.resetAndDestroy?.()
    } catch (error) {
      if (!isInvalidHandle(error)) throw error
    }
    socket.destroy()
  }
}

const isInvalidHandle = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_HANDLE_TYPE'
