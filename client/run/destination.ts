import type { Hostname } from '../../names/hostname.ts'

/** Where a caught connection was going. */
export type Destination =
  /** A name of ours, by the synthetic address that it was given. */
  | { readonly kind: 'name'; readonly name: Hostname; readonly port: number }
  /** An address of our range that means no name: reset at once. */
  | { readonly kind: 'nobody' }
  /** DNS over TCP, to whichever server: answered here. */
  | { readonly kind: 'dns' }
  /** Anything else: dialled from the host's network, as the program would have. */
  | { readonly kind: 'outside'; readonly address: string; readonly port: number }

/** What synthetic addresses mean (the resolver's and the leases' side). */
export interface SyntheticNames {
  nameAt(address: string): Hostname | undefined
  /** Whether the address lies in a range of ours, leased or not. */
  holds(address: string): boolean
}

/** `address` and `port` are what the program dialled. */
export function destinationOf(address: string, port: number, names: SyntheticNames): Destination {
  const plain = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : address
  if (names.holds(plain)) {
    const name = names.nameAt(plain)
    return name === undefined ? { kind: 'nobody' } : { kind: 'name', name, port }
  }
  return port === 53 ? { kind: 'dns' } : { kind: 'outside', address: plain, port }
}

const MAPPED = '::ffff:'
