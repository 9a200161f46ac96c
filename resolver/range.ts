import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

export type Family = 4 | 6

/** More names than anybody publishes, and few enough that all of them fit in memory. */
const MAX_CAPACITY = 65_533
/** Index 0 is the network itself, 1 the resolver's own address; the last is IPv4's broadcast. */
const FIRST_INDEX = 2

/** A CIDR block that synthetic addresses come from, numbered by *slot* from 0 to `capacity` - 1. */
export class SyntheticRange {
  readonly cidr: string
  readonly family: Family
  readonly capacity: number
  /** The range's first address, where the resolver listens besides loopback. */
  readonly resolverAddress: string
  readonly #base: Uint8Array
  readonly #prefix: number

  /** @throws {RangeError} if the text is no network of a usable size */
  constructor(cidr: string) {
    const [base, prefix] = parseNetwork(cidr)
    this.cidr = cidr
    this.family = base.length === 4 ? 4 : 6
    this.#base = base
    this.#prefix = prefix
    const addresses = 2 ** Math.min(base.length * 8 - prefix, 17)
    this.capacity = Math.min(MAX_CAPACITY, addresses - FIRST_INDEX - 1)
    this.resolverAddress = textOf(this.#at(1))
  }

  /** The address of a slot, as it travels in a record. */
  bytesAt(slot: number): Uint8Array {
    return this.#at(slot + FIRST_INDEX)
  }

  /** The address of a slot as `socket.localAddress` would show it. */
  addressAt(slot: number): string {
    return textOf(this.bytesAt(slot))
  }

  /** The slot of an address (octets), or `undefined` if it has none. */
  slotOf(bytes: Uint8Array): number | undefined {
    if (!this.contains(bytes)) return undefined
    const slot = indexOf(bytes, this.#base) - FIRST_INDEX
    return slot >= 0 && slot < this.capacity ? slot : undefined
  }

  /** Whether an address lies in the range, with or without a slot. */
  contains(bytes: Uint8Array): boolean {
    return bytes.length === this.#base.length && isSamePrefix(bytes, this.#base, this.#prefix)
  }

  /** Whether any address is in both. */
  meets(base: Uint8Array, prefix: number): boolean {
    if (base.length !== this.#base.length) return false
    return isSamePrefix(base, this.#base, Math.min(prefix, this.#prefix))
  }

  #at(index: number): Uint8Array {
    const bytes = Uint8Array.from(this.#base)
    const view = new DataView(bytes.buffer)
    view.setUint32(bytes.length - 4, view.getUint32(bytes.length - 4) + index)
    return bytes
  }
}

/** The octets of an address, 4 or 16, an IPv4-mapped one as its 4; `undefined` if it is none. */
export function addressBytes(address: string): Uint8Array | undefined {
  // ipaddr.js alone would take `127.1`, octal and hexadecimal spellings.
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number))
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare)) return undefined
  return Uint8Array.from(ipaddr.process(bare).toByteArray())
}

/** A network as base octets and prefix length; host bits must be zero. */
export function parseNetwork(cidr: string): [base: Uint8Array, prefix: number] {
  const [address = '', length = ''] = cidr.split('/')
  const base = isIPv6(address) ? mappedKept(address) : addressBytes(address)
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : -1
  if (base === undefined || prefix < 0 || prefix > base.length * 8) {
    throw new RangeError(`not a network in CIDR notation: ${JSON.stringify(cidr.slice(0, 100))}`)
  }
  if (hasHostBits(base, prefix)) throw new RangeError(`${cidr} has host bits set`)
  if (base.length * 8 - prefix < 4)
    throw new RangeError(`${cidr} is too small: /28 or /124 at most`)
  return [base, prefix]
}

const mappedKept = (address: string) => Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray())

function hasHostBits(base: Uint8Array, prefix: number): boolean {
  return base.some((octet, i) => (octet & (0xff >> clamp(prefix - i * 8))) !== 0)
}

/** Asked of every connection to a synthetic address: a loop without a closure. */
function isSamePrefix(a: Uint8Array, b: Uint8Array, prefix: number): boolean {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) ^ (b[i] ?? 0)
    if ((difference & ~(0xff >> clamp(prefix - i * 8))) !== 0) return false
  }
  return true
}

const clamp = (bits: number) => Math.max(0, Math.min(8, bits))

/** The distance from the base; Infinity where it does not fit in 32 bits. */
function indexOf(bytes: Uint8Array, base: Uint8Array): number {
  const low = bytes.length - 4
  if (bytes.subarray(0, low).some((octet, i) => octet !== base[i])) return Number.POSITIVE_INFINITY
  return u32At(bytes, low) - u32At(base, low)
}

const u32At = (bytes: Uint8Array, at: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)

const textOf = (bytes: Uint8Array) => ipaddr.fromByteArray([...bytes]).toString()
