import net from 'node:net'
import { shortSocketPath } from '../socket-path.ts'
import { ControlError } from './error.ts'
import { LineReader } from './lines.ts'
import { type ControlResponse, readResponse } from './wire.ts'

export { ControlError }

export interface CallOptions {
  /** How long one answer may take; default 30 s. Does not bound the pauses of a stream. */
  readonly timeoutMs?: number
  /** Ends the call, or the stream, from this end. */
  readonly signal?: AbortSignal
}

/** Answers are the daemon's own and may be long lists, but even so not endless. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/**
 * Calls one verb of the daemon that listens on `file` and gives its answer.
 * @throws {ControlError} ERR_CONTROL_UNREACHABLE (nobody listens), ERR_CONTROL_TIMEOUT, or the
 * daemon's own code
 */
export async function callControl(
  file: string,
  method: string,
  params: unknown = {},
  options: CallOptions = {},
): Promise<unknown> {
  const timeoutMs = options.timeoutMs ?? 30_000
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  for await (const response of exchange(file, method, params, signal)) {
    if (response.kind === 'result') return response.result
    if (response.kind === 'error') throw answered(response)
    throw new ControlError('ERR_CONTROL_PROTOCOL', `${method} streams: follow it`)
  }
  if (timeout.aborted) {
    throw new ControlError('ERR_CONTROL_TIMEOUT', `no answer to ${method} within ${timeoutMs} ms`)
  }
  throw leftEarly(file)
}

/**
 * Calls a verb that streams. Leaving the loop ends the call at the daemon as well.
 * @throws {ControlError} as {@link callControl}; also when the daemon goes away mid-stream
 */
export async function* followControl(
  file: string,
  method: string,
  params: unknown = {},
  options: CallOptions = {},
): AsyncGenerator<unknown, void> {
  for await (const response of exchange(file, method, params, options.signal)) {
    if (response.kind === 'done') return
    if (response.kind === 'error') throw answered(response)
    if (response.kind === 'item') yield response.item
    if (response.kind === 'result') {
      yield response.result
      return
    }
  }
  if (options.signal?.aborted !== true) throw leftEarly(file)
}

/** One connection, one call: every response line to it, until the other end or `signal` closes. */
async function* exchange(
  file: string,
  method: string,
  params: unknown,
  signal: AbortSignal | undefined,
): AsyncGenerator<ControlResponse, void> {
  const socket = await connect(file)
  const stop = () => socket.destroy()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  const lines = new LineReader(MAX_ANSWER_BYTES)
  try {
    socket.write(`${JSON.stringify({ id: 1, method, params })}\n`)
    for await (const chunk of socket) {
      for (const line of lines.push(chunk as Buffer)) yield readResponse(line)
    }
  } catch (error) {
    if (!isLostConnection(error)) throw error
  } finally {
    signal?.removeEventListener('abort', stop)
    socket.destroy()
  }
}

function connect(file: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path: shortSocketPath(file) ?? file })
    const fail = (cause: NodeJS.ErrnoException) => reject(unreachable(file, cause))
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

function unreachable(file: string, cause: NodeJS.ErrnoException): ControlError {
  const why =
    cause.code === 'EACCES'
      ? 'it belongs to another user'
      : `nobody listens on ${file} (${cause.code})`
  const fix = cause.code === 'EACCES' ? 'run this as that user, or as root' : 'start it first'
  return new ControlError('ERR_CONTROL_UNREACHABLE', 'the daemon cannot be reached', {
    path: file,
    why,
    fix,
    exitCode: 3,
  })
}

const leftEarly = (file: string) =>
  new ControlError('ERR_CONTROL_UNREACHABLE', 'the daemon went away in the middle of a call', {
    path: file,
    exitCode: 3,
  })

function answered({ error }: Extract<ControlResponse, { kind: 'error' }>): ControlError {
  const { code, message, ...facts } = error
  return new ControlError(code, message, facts)
}

const LOST = new Set(['ECONNRESET', 'EPIPE', 'ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE'])
const isLostConnection = (error: unknown) => LOST.has((error as NodeJS.ErrnoException).code ?? '')
