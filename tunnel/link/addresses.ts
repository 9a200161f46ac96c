import { networkInterfaces } from 'node:os'

type Interfaces = typeof networkInterfaces

/**
 * The addresses of this machine, looked at every second or so: when one goes away, nothing comes back
 * to the sockets that have it, and no error says so for minutes (SPEC.md §6.2). Loopback and
 * link-local ones do not count: containers come and go with theirs.
 */
export class Addresses {
  readonly #interfaces: Interfaces
  readonly #seen = new Set<string>()
  #now: ReadonlySet<string>

  constructor(interfaces: Interfaces = networkInterfaces) {
    this.#interfaces = interfaces
    this.#now = this.#read()
  }

  /** @returns whether any came or went since the last look */
  look(): boolean {
    const before = this.#now
    this.#now = this.#read()
    return before.symmetricDifference(this.#now).size > 0
  }

  /** It was one of this machine's at a look, and is not any more. */
  hasGone(address: string): boolean {
    const plain = plainAddress(address)
    return this.#seen.has(plain) && !this.#now.has(plain)
  }

  #read(): ReadonlySet<string> {
    const all = Object.values(this.#interfaces()).flatMap((rows) => rows ?? [])
    const now = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
    for (const { address } of now) this.#seen.add(address)
    return new Set(now.map(({ address }) => address))
  }
}

/** A socket of both families writes ::ffff:192.0.2.1. */
const plainAddress = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, '')
