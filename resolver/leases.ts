import type { Hostname } from '../names/hostname.ts'

export type Family = 4 | 6

export type LeaseAnswer =
  | { readonly kind: 'leased'; readonly address: string; readonly bytes: Uint8Array }
  | { readonly kind: 'no-family' }
  | { readonly kind: 'exhausted'; readonly what: 'range' | 'app'; readonly capacity: number }
  | { readonly kind: 'failed'; readonly reason: string }

/** One synthetic address for each (name, family). `app`: the wildcard pattern that it counts under. */
export interface Leases {
  addressFor(name: Hostname, family: Family, now: number, app?: string): LeaseAnswer
  nameOf(address: string, now: number): Hostname | undefined
  /** Whether the address lies in a range of ours, leased or not. */
  holds(address: string): boolean
  close(): void
}
