import type { Socket } from 'node:net'
import type { Hostname } from '../../names/hostname.ts'
import { type Ownership, publishes } from '../../resolver/catalog.ts'
import type { Door } from '../peer/door.ts'

export interface AcceptDeps {
  readonly ownership: Pick<Ownership, 'find'>
  readonly door: Door
  /** The name that an address of the range means; marks it as used. */
  readonly nameAt: (address: string) => Hostname | undefined
  readonly carry: (socket: Socket, name: Hostname, port: number) => void
}

/** For `byname status`. */
export interface LoopbackCounts {
  accepted: number
  otherUser: number
  /** To an address that no name holds, or a port that its name does not publish. */
  noName: number
}

/** What comes to a loopback listener: to its name, or reset at once and counted. */
export class LoopbackGate {
  readonly counts: LoopbackCounts = { accepted: 0, otherUser: 0, noName: 0 }
  readonly #deps: AcceptDeps

  constructor(deps: AcceptDeps) {
    this.#deps = deps
  }

  take(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    const port = socket.localPort ?? 0
    if (!this.#deps.door.admits(socket)) {
      this.counts.otherUser++
      socket.resetAndDestroy()
      return
    }
    const name = this.#nameAt(socket.localAddress ?? '', port)
    if (name === undefined) {
      this.counts.noName++
      socket.resetAndDestroy()
      return
    }
    this.counts.accepted++
    this.#deps.carry(socket, name, port)
  }

  #nameAt(address: string, port: number): Hostname | undefined {
    const name = this.#deps.nameAt(address)
    const whose = name && this.#deps.ownership.find(name)
    if (whose?.kind === 'owned' && publishes(whose.ports, port, 'tcp')) return name
    // Blocked, or signed out: the gate, or the way, says so in words.
    return whose?.kind === 'blocked' || whose?.kind === 'not-yet' ? name : undefined
  }
}
