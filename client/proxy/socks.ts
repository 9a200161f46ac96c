import type { Socket } from 'node:net'
import { farewell } from './farewell.ts'
import { carryTo, type Front } from './front.ts'
import { outcomeOf } from './outcome.ts'
import { SocksDialogue, type SocksEvent, type SocksWanted } from './socks-dialogue.ts'
import { reply4, reply5 } from './socks-wire.ts'

const DIALOGUE_MS = 10_000
const GRANTED = 0x00

/** Serves SOCKS5, SOCKS4 and SOCKS4a on one accepted socket. */
export function serveSocks(front: Front, socket: Socket): void {
  const dialogue = new SocksDialogue(front.check)
  const deadline = setTimeout(() => socket.destroy(), DIALOGUE_MS)
  const stop = () => {
    clearTimeout(deadline)
    socket.off('data', onData).off('close', stop).off('end', giveUp)
  }
  const giveUp = () => socket.destroy()
  const onData = (chunk: Buffer) => {
    for (const event of dialogue.handle(chunk)) {
      if (event.kind !== 'answer') stop()
      act(front, socket, event)
    }
  }
  socket.on('data', onData).on('close', stop).on('end', giveUp)
}

function act(front: Front, socket: Socket, event: SocksEvent): void {
  switch (event.kind) {
    case 'answer':
      socket.write(event.bytes)
      break
    case 'close':
      front.log.debug({ event: 'socks-refused', why: event.why }, `SOCKS: ${event.why}`)
      farewell(socket, '')
      break
    case 'wanted':
      socket.pause()
      if (event.rest.length > 0) socket.unshift(event.rest)
      connect(front, socket, event.wanted)
  }
}

function connect(front: Front, socket: Socket, { to, version }: SocksWanted): void {
  const reply = (code: number) => (version === 5 ? reply5(code) : reply4(code === GRANTED))
  carryTo(front, socket, to, 'socks', {
    opened: () => socket.write(reply(GRANTED)),
    refused: ({ code }) => farewell(socket, reply(outcomeOf(code).socks5)),
  })
}
