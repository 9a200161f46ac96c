import { connect, type Socket } from 'node:net'

/**
 * Dials an address from the host's network, as the program would have outside, and joins the two
 * sockets: bytes both ways, end for end, reset for reset. A dial that fails resets the program's side,
 * which was accepted already: that is as near to "refused" as a stream proxy comes.
 */
export function dialOutside(inner: Socket, address: string, port: number): void {
  const outer = connect({ host: address, port, allowHalfOpen: true, noDelay: true })
  const giveUp = () => outer.destroy()
  const failed = (error: NodeJS.ErrnoException) => {
    inner.off('close', giveUp)
    const other = otherLoopback(address, error)
    if (other === undefined || inner.destroyed) inner.resetAndDestroy()
    else dialOutside(inner, other, port)
  }
  inner.once('close', giveUp)
  outer.once('error', failed)
  outer.once('connect', () => {
    inner.off('close', giveUp)
    outer.off('error', failed)
    join(inner, outer)
  })
}

/** Each closes by itself once both its directions are over; what is still to be written is written. */
function join(inner: Socket, outer: Socket): void {
  inner.on('error', () => outer.resetAndDestroy())
  outer.on('error', () => inner.resetAndDestroy())
  inner.pipe(outer)
  outer.pipe(inner)
}

/**
 * `localhost` is ::1 first for most programs, and most servers listen on one of the two: outside, the
 * program would be refused and go on to the other; here it was accepted, so the going on is ours.
 */
function otherLoopback(address: string, error: NodeJS.ErrnoException): string | undefined {
  return error.code === 'ECONNREFUSED' && address === '::1' ? '127.0.0.1' : undefined
}
