import type { Socket } from 'node:net'
import { FrameReader, frame } from './dns/frames.ts'
import type { Resolver } from './resolver.ts'

export interface ConversationLimits {
  /** Questions of one connection that are under way at once; the rest waits in the kernel. */
  readonly pipelined: number
  /** A connection without a whole question or a taken answer for this long is closed. */
  readonly idleMs: number
}

/** A question is a name and a few options: 4 KiB is plenty, and 64 KiB would cost time to walk. */
const MAX_QUERY_BYTES = 4096
const MAX_UNTAKEN_BYTES = 128 * 1024

/** One TCP connection: questions are answered as they can be, in whatever order (RFC 7766 §6.2). */
export class Conversation {
  readonly #socket: Socket
  readonly #resolver: Resolver
  readonly #limits: ConversationLimits
  readonly #reader = new FrameReader(MAX_QUERY_BYTES)
  readonly #idle: NodeJS.Timeout
  #queue: Uint8Array[] = []
  #underWay = 0
  #ended = false

  constructor(socket: Socket, resolver: Resolver, limits: ConversationLimits) {
    this.#socket = socket
    this.#resolver = resolver
    this.#limits = limits
    this.#idle = setTimeout(() => socket.destroy(), limits.idleMs)
    socket.setNoDelay(true)
    socket.on('error', ignore)
    socket.on('close', () => clearTimeout(this.#idle))
    socket.on('drain', () => this.#taken())
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => {
      this.#ended = true
      this.#work()
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    const messages = this.#reader.push(chunk)
    if (messages === undefined) {
      this.#socket.destroy()
      return
    }
    // Octets that complete no question keep no connection alive.
    if (messages.length > 0) this.#idle.refresh()
    this.#queue = this.#queue.concat(messages)
    this.#work()
  }

  #work(): void {
    this.#socket.cork()
    let at = 0
    for (; at < this.#queue.length && this.#hasRoom(); at++) {
      const query = this.#queue[at]
      if (query) this.#answer(query)
    }
    this.#queue = this.#queue.slice(at)
    this.#socket.uncork()
    if (this.#queue.length > 0) this.#socket.pause()
    else this.#socket.resume()
    if (this.#ended && this.#queue.length === 0 && this.#underWay === 0) this.#socket.end()
  }

  #answer(query: Uint8Array): void {
    const answer = this.#resolver.answer(query, 'tcp')
    if (!(answer instanceof Promise)) {
      this.#write(answer)
      return
    }
    this.#underWay++
    void answer.then((bytes) => {
      this.#underWay--
      this.#idle.refresh()
      this.#write(bytes)
      this.#work()
    })
  }

  #write(answer: Uint8Array | undefined): void {
    if (answer && this.#socket.writable) this.#socket.write(frame(answer))
  }

  #taken(): void {
    this.#idle.refresh()
    this.#work()
  }

  #hasRoom(): boolean {
    return (
      this.#underWay < this.#limits.pipelined && this.#socket.writableLength < MAX_UNTAKEN_BYTES
    )
  }
}

const ignore = () => {}
