import type { Socket } from 'node:net'
import { type Destination, formatDestination } from './destination.ts'
import { farewell } from './farewell.ts'
import { carryTo, type Front, sentenceFor } from './front.ts'
import { formatAnswer, refusalAnswer } from './http-answer.ts'

/** CONNECT (RFC 9110 §9.3.6): after the 2xx the connection is the program's and the origin's. */
export function serveConnect(front: Front, socket: Socket, to: Destination, head: Buffer): void {
  socket.pause()
  if (head.length > 0) socket.unshift(head)
  carryTo(front, socket, to, 'connect', {
    opened: () => socket.write(`HTTP/1.1 200 to ${formatDestination(to)}\r\n\r\n`),
    refused: (end) => {
      farewell(socket, formatAnswer(refusalAnswer(end.code, sentenceFor(front, end, to))))
    },
  })
}
