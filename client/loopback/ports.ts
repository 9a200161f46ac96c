import { createServer, type Server, type Socket } from 'node:net'
import type { Hostname } from '../../names/hostname.ts'
import type { Log } from '../../process/log.ts'
import type { Ownership } from '../../resolver/catalog.ts'
import { listen } from '../listen.ts'
import { findWithheld } from './probe.ts'
import { appsByPort, tcpPorts } from './published.ts'
import { listWithheld, type Withheld } from './withheld.ts'

export interface LoopbackPortsDeps {
  readonly ownership: Pick<Ownership, 'find' | 'owned'>
  readonly take: (socket: Socket) => void
  readonly log: Log
  /** An address of the range that no name gets. */
  readonly probeAddress: string
  readonly nodePath: string
}

const MAX_LISTENERS = 4096

/**
 * Listens on the loopback address of each name that was given one, on the ports that the name
 * publishes. Never on a wildcard: what is meant for this machine is not to be had from its network.
 */
export class LoopbackPorts {
  readonly #deps: LoopbackPortsDeps
  readonly #names = new Map<string, Hostname>()
  readonly #listeners = new Map<string, Listener>()
  readonly #pending = new Set<Promise<void>>()
  readonly #sockets = new Set<Socket>()
  #withheld: readonly Withheld[] = []
  #refreshes = 0

  constructor(deps: LoopbackPortsDeps) {
    this.#deps = deps
  }

  /** Published ports that cannot be had here. */
  get withheld(): readonly Withheld[] {
    return this.#withheld
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  /** A name has this address. Cheap when that is known. */
  hold(name: Hostname, address: string): void {
    if (this.#names.get(address) === name) return
    this.#names.set(address, name)
    this.#open(name, address)
  }

  /** `undefined`, or what resolves when all listeners that were asked for are there or have failed. */
  settled(): Promise<unknown> | undefined {
    return this.#pending.size === 0 ? undefined : Promise.all(this.#pending)
  }

  /** The catalogue changed: ports come and go with it. */
  async refresh(): Promise<void> {
    const turn = ++this.#refreshes
    const { ownership, probeAddress, nodePath } = this.#deps
    for (const [key, listener] of this.#listeners) {
      if (!this.#portsOf(listener.name).includes(listener.port)) this.#shut(key, listener)
    }
    for (const [address, name] of this.#names) this.#open(name, address)
    const { ports, tooMany } = appsByPort(ownership.owned())
    const whyByPort = await findWithheld(probeAddress, [...ports.keys()])
    if (turn !== this.#refreshes) return
    this.#withheld = listWithheld({ appsByPort: ports, whyByPort, tooMany, nodePath })
  }

  async close(): Promise<void> {
    this.#refreshes++
    await this.settled()
    for (const [key, listener] of this.#listeners) this.#shut(key, listener)
    for (const socket of this.#sockets) socket.destroy()
  }

  #portsOf(name: Hostname): readonly number[] {
    const whose = this.#deps.ownership.find(name)
    const ports = whose.kind === 'owned' ? tcpPorts(whose) : []
    return ports === 'too-many' ? [] : ports
  }

  #open(name: Hostname, address: string): void {
    for (const port of this.#portsOf(name)) {
      const key = `${address}:${port}`
      const known = this.#listeners.get(key)
      // An address may come to mean another name, a day after its last use.
      if (known) this.#listeners.set(key, { ...known, name })
      if (known || !this.#hasRoom()) continue
      const pending = this.#listen(key, { name, address, port })
      this.#pending.add(pending)
      void pending.then(() => this.#pending.delete(pending))
    }
  }

  #hasRoom(): boolean {
    const hasRoom = this.#listeners.size < MAX_LISTENERS
    const facts = { event: 'too-many-listeners', listeners: MAX_LISTENERS }
    if (!hasRoom) this.#deps.log.warn(facts, 'no more listeners: use the proxy port')
    return hasRoom
  }

  async #listen(key: string, at: { name: Hostname; address: string; port: number }): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      this.#deps.take(socket)
    })
    this.#listeners.set(key, { name: at.name, port: at.port, server })
    try {
      await listen(server, at)
      server.on('error', () => {})
    } catch (error) {
      // A port that cannot be had is in `withheld`, from the probe of its catalogue.
      this.#listeners.delete(key)
      this.#deps.log.debug({ event: 'not-listening', ...at, error }, 'a port cannot be had')
    }
  }

  #shut(key: string, { server }: Listener): void {
    this.#listeners.delete(key)
    server.close(() => {})
  }
}

interface Listener {
  readonly name: Hostname
  readonly port: number
  readonly server: Server
}
