import type net from 'node:net'
import type { Log } from '../log.ts'
import { LineReader, LineTooLongError } from './lines.ts'
import { type ControlRequest, readRequest, writeError } from './wire.ts'

/** What a verb knows of its call. `signal` aborts when the caller leaves, cancels, or the server closes. */
export interface ControlCall {
  readonly signal: AbortSignal
}

/** Answers with one JSON value, or, for a verb that streams, with an async iterable of them. */
export type ControlVerb = (
  params: unknown,
  call: ControlCall,
) => Promise<unknown> | AsyncIterable<unknown>

export interface ControlOptions {
  readonly path: string
  readonly verbs: Readonly<Record<string, ControlVerb>>
  readonly log: Log
  /** Longest request line; default 64 KiB. */
  readonly maxLineBytes?: number
  /** Default 32. */
  readonly maxConnections?: number
  /** Calls at once on one connection; default 16. */
  readonly maxCalls?: number
  /** A connection with no call under way is closed after this; default 30 s. */
  readonly idleMs?: number
}

/** One caller's connection: its lines in, its calls, their answers out. */
export class Connection {
  readonly #socket: net.Socket
  readonly #options: ControlOptions
  readonly #lines: LineReader
  readonly #calls = new Map<number, AbortController>()

  constructor(socket: net.Socket, options: ControlOptions) {
    this.#socket = socket
    this.#options = options
    this.#lines = new LineReader(options.maxLineBytes ?? 64 * 1024)
    socket.setTimeout(options.idleMs ?? 30_000, () => {
      if (this.#calls.size === 0) socket.destroy()
    })
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.close())
  }

  close(): void {
    for (const call of this.#calls.values()) call.abort()
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    try {
      for (const line of this.#lines.push(chunk)) this.#handle(line)
    } catch (error) {
      // After an oversize line nothing says where the next one starts.
      if (!(error instanceof LineTooLongError)) throw error
      this.#socket.end(`${JSON.stringify({ id: null, error: writeError(error) })}\n`)
    }
  }

  #handle(line: string): void {
    const request = readRequest(line)
    switch (request.kind) {
      case 'malformed':
        this.#refuse(request.id, 'ERR_CONTROL_REQUEST', request.why)
        break
      case 'cancel':
        this.#calls.get(request.id)?.abort()
        break
      case 'call':
        this.#start(request)
        break
    }
  }

  #start(request: Extract<ControlRequest, { kind: 'call' }>): void {
    const { id, method } = request
    const verb = Object.hasOwn(this.#options.verbs, method) && this.#options.verbs[method]
    if (!verb) {
      this.#refuse(id, 'ERR_CONTROL_METHOD', 'no such method')
    } else if (this.#calls.has(id)) {
      this.#refuse(id, 'ERR_CONTROL_REQUEST', 'this id is in use')
    } else if (this.#calls.size >= (this.#options.maxCalls ?? 16)) {
      this.#refuse(id, 'ERR_CONTROL_BUSY', 'too many calls at once')
    } else {
      const abort = new AbortController()
      this.#calls.set(id, abort)
      void this.#run(verb, request, abort.signal).finally(() => this.#calls.delete(id))
    }
  }

  #refuse(id: number | null, code: string, message: string): void {
    void this.#send({ id, error: { code, message } })
  }

  async #run(
    verb: ControlVerb,
    { id, method, params }: { id: number; method: string; params: unknown },
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const answer = verb(params, { signal })
      if (isStream(answer)) await this.#stream(id, answer, signal)
      else await this.#send({ id, result: (await answer) ?? null })
    } catch (error) {
      this.#options.log.debug(
        { event: 'control-failed', method, err: error },
        'a control call failed',
      )
      await this.#send({ id, error: writeError(error) })
    }
  }

  async #stream(id: number, items: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
    const iterator = items[Symbol.asyncIterator]()
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal)
      if (next === undefined || next.done === true) break
      await this.#send({ id, item: next.value })
    }
    // A generator that waits for something that never comes cannot be awaited here.
    void iterator.return?.()?.then(undefined, () => undefined)
    await this.#send({ id, done: true })
  }

  /** Waits for a slow reader, so that a stream holds one item and not all that ever happened. */
  async #send(message: object): Promise<void> {
    const socket = this.#socket
    if (!socket.writable || socket.write(`${JSON.stringify(message)}\n`)) return
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done)
        socket.off('close', done)
        resolve()
      }
      socket.on('drain', done)
      socket.on('close', done)
    })
  }
}

function isStream(answer: object): answer is AsyncIterable<unknown> {
  return Symbol.asyncIterator in answer
}

/** Not a race with one long-lived promise: each item would leave a reaction on it for good. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
