/** A name's hold on a slot, as it is written down. `app` is '' for a name that is listed itself. */
export interface LeaseRow {
  readonly slot: number
  readonly name: string
  readonly app: string
}

/**
 * Where leases are written down; `cidr` tells ranges apart. lease-file.ts is the real one. A row is
 * *held*, or *resting*: freed, but still its old name's until the slot is given to another.
 */
export interface LeaseBook {
  /** Runs `work` while no other process writes: all of it happens or nothing. */
  exclusively<Result>(work: () => Result): Result
  rowOf(cidr: string, name: string): LeaseRow | undefined
  rowAt(cidr: string, slot: number): LeaseRow | undefined
  insert(cidr: string, row: LeaseRow, now: number): void
  /** Marks as used now, and ends a rest. */
  use(cidr: string, slot: number, now: number): void
  rest(cidr: string, slot: number, now: number): void
  remove(cidr: string, slot: number): void
  countHeld(cidr: string): number
  countHeldBy(cidr: string, app: string): number
  countResting(cidr: string): number
  /** Held, last used before `before`, the longest unused first. */
  unusedSlots(cidr: string, before: number, limit: number): number[]
  unusedSlotsOf(cidr: string, app: string, before: number, limit: number): number[]
  /** Resting since before `before`, the longest first. */
  restedSlot(cidr: string, before: number): number | undefined
  /** The slot that was given out first; not 0 in a book that replaces a lost one. */
  firstSlot(): number
  close(): void
}

const HOUR_MS = 3_600_000

export interface LeaseRules {
  /** Nothing is freed while at most this share of the range (or of an app's cap) is held. */
  readonly freeAboveUse: number
  /** A lease used within this time is never freed: programs keep an answer for long. */
  readonly unusedMs: number
  /** How long a freed address means nobody else. */
  readonly restMs: number
  /** The most names of one wildcard app that hold an address at once. */
  readonly perApp: number
  /** Use is written down this often, so for so long an address may be answered from memory. */
  readonly confirmMs: number
}

export const LEASE_RULES: LeaseRules = {
  freeAboveUse: 0.9,
  unusedMs: 24 * HOUR_MS,
  restMs: 24 * HOUR_MS,
  perApp: 4096,
  confirmMs: HOUR_MS / 6,
}
