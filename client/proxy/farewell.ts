import type { Socket } from 'node:net'

const LINGER_MS = 2_000

/**
 * Says the last word and closes. What the program still sends is read and dropped for a moment: a
 * close with unread bytes would be a RST, which may overtake the word.
 */
export function farewell(socket: Socket, lastWord: Uint8Array | string): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.on('close', () => clearTimeout(timer))
  socket.on('end', () => socket.destroySoon())
  socket.on('error', () => socket.destroy())
  socket.resume()
  socket.end(lastWord)
}
