import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { findHostname, type Hostname } from '../../names/hostname.ts'
import type { Log } from '../../process/log.ts'
import { LOOPBACK_RANGE } from '../../resolver/choice.ts'
import type { LeaseBook } from '../../resolver/lease-book.ts'
import { openLeaseFile } from '../../resolver/lease-file.ts'
import { type LeaseAnswer, Leases } from '../../resolver/leases.ts'
import type { Family } from '../../resolver/range.ts'
import { CLIENT_FILES, type Profile } from '../profile.ts'

type Hold = (name: Hostname, address: string) => void

/** How many leases of earlier runs are listened on from the start. */
const MAX_REVIVED = 1024

/** The profile's leases in 127.80.0.0/16; tells of each one before it is given out. */
export class LoopbackLeases extends Leases {
  readonly #book: LeaseBook
  onLease: Hold = () => {}

  constructor(book: LeaseBook) {
    super(book, LOOPBACK_RANGE)
    this.#book = book
  }

  override addressFor(name: Hostname, family: Family, now: number, app?: string): LeaseAnswer {
    const answer = super.addressFor(name, family, now, app)
    if (answer.kind === 'leased') this.onLease(name, answer.address)
    return answer
  }

  /** Tells of the addresses that were given out before, for programs that kept them. */
  revive(): void {
    const { cidr, capacity } = LOOPBACK_RANGE.v4
    const given = this.#book.countHeld(cidr) + this.#book.countResting(cidr)
    for (let at = 0; at < Math.min(given, MAX_REVIVED); at++) {
      const slot = (this.#book.firstSlot() + at) % capacity
      const name = findHostname(this.#book.rowAt(cidr, slot)?.name ?? '')
      if (name) this.onLease(name, LOOPBACK_RANGE.v4.addressAt(slot))
    }
  }
}

/** @throws {LeaseFileError} */
export function openLoopbackLeases(profile: Profile, log: Log): LoopbackLeases {
  const file = path.join(profile.directory, CLIENT_FILES.leases)
  const onSetAside = (moved: { readonly to: string; readonly reason: string }) =>
    log.warn(
      { event: 'leases-set-aside', ...moved },
      'the lease file was damaged; a new one begins',
    )
  return new LoopbackLeases(openLeaseFile(file, { random: randomBytes, onSetAside }))
}

/** The range's own first address, which no name gets. */
export const PROBE_ADDRESS = LOOPBACK_RANGE.v4.resolverAddress
