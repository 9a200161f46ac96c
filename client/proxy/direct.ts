import { connect, type Socket } from 'node:net'
import type { FlowEnd } from '../../tunnel/flow.ts'
import { codeOfError } from './outcome.ts'

const CONNECT_MS = 30_000

export interface DirectReplies {
  opened(): void
  refused(end: FlowEnd): void
}

/** Dials what byname does not own as the program itself would have: from here, by the host's resolver. */
export function dialDirect(host: string, port: number): Socket {
  const socket = connect({
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: 250,
  })
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }))
  }, CONNECT_MS)
  const done = () => clearTimeout(timer)
  return socket.once('connect', done).once('close', done)
}

/** Joins an accepted socket with a direct connection. */
export function carryDirect(
  socket: Socket,
  to: { readonly host: string; readonly port: number },
  replies: DirectReplies,
): void {
  const outer = dialDirect(to.host, to.port)
  const cancel = () => outer.destroy()
  const fail = (error: NodeJS.ErrnoException) => {
    socket.off('close', cancel)
    replies.refused({ code: codeOfError(error), reason: error.message })
  }
  socket.once('close', cancel)
  outer.once('error', fail)
  outer.once('connect', () => {
    outer.off('error', fail)
    replies.opened()
    join(socket, outer)
    join(outer, socket)
  })
}

/** One direction: bytes, end for end, and a reset for anything else. */
function join(from: Socket, to: Socket): void {
  from.pipe(to)
  from.on('error', () => to.resetAndDestroy())
  from.on('close', () => from.readableEnded || to.resetAndDestroy())
}
