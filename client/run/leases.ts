import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { candidateRanges, chooseRange, SUBNET_OCTETS } from '../../resolver/choice.ts'
import { openLeaseFile } from '../../resolver/lease-file.ts'
import { Leases } from '../../resolver/leases.ts'
import { takenByInterfaces, takenByRoutes4, takenByRoutes6 } from '../../resolver/taken.ts'
import { CLIENT_FILES } from '../profile.ts'

export interface RunLeasesOptions {
  /** The profile's. */
  readonly directory: string
  /** Whether names get IPv6 addresses too: only where IPv6 leads somewhere. */
  readonly hasIpv6: boolean
  readonly say: (sentence: string) => void
}

/**
 * The profile's synthetic addresses, shared with its other programs and runs. The range only has to
 * be clear of what the program may want to reach through the host.
 * @throws {LeaseFileError}; a plain error when every range is in use
 */
export function openRunLeases({ directory, hasIpv6, say }: RunLeasesOptions): Leases {
  const book = openLeaseFile(path.join(directory, CLIENT_FILES.leases), {
    random: randomBytes,
    onSetAside: ({ to, reason }) => say(`the lease file was damaged (${reason}); kept as ${to}`),
  })
  const hex = book.remember('subnet', () => randomBytes(SUBNET_OCTETS).toString('hex'))
  const choice = chooseRange(candidateRanges(Buffer.from(hex, 'hex')), takenHere())
  if (choice.kind === 'none') throw new NoRange(choice.passed.map(({ taken }) => taken.what))
  const { v4, v6, class: pageClass } = choice.range
  return new Leases(book, hasIpv6 && v6 ? { class: pageClass, v4, v6 } : { class: pageClass, v4 })
}

/** Every candidate meets a network that this machine uses. */
export class NoRange extends Error {
  override readonly name = 'NoRange'
  readonly code = 'ERR_NO_RANGE'
  readonly exitCode = 2
  readonly why: string
  constructor(what: readonly string[]) {
    super('no range of addresses is free for names')
    this.why = `each candidate is in use here: ${what.join(', ')}`
  }
}

const takenHere = () => [
  ...takenByInterfaces(networkInterfaces()),
  ...takenByRoutes4(readOrNothing('/proc/net/route')),
  ...takenByRoutes6(readOrNothing('/proc/net/ipv6_route')),
]

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
