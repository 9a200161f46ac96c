import { formatPattern, includes, type NamePattern, readPattern } from '../../names/pattern.ts'
import type { AnnouncedApp, PortRange } from '../../tunnel/control.ts'

/** One app that a connector offers, with its pattern read. */
export interface Offer {
  readonly pattern: NamePattern
  readonly ports: readonly PortRange[]
  readonly fixedTo: boolean
  readonly health: AnnouncedApp['health']
}

export interface RefusedOffer {
  readonly pattern: string
  readonly why: 'not-granted' | 'not-a-pattern' | 'twice' | 'too-many'
}

export interface SortedOffers {
  readonly accepted: readonly Offer[]
  readonly refused: readonly RefusedOffer[]
}

/** More apps than this in one announcement are refused: every one costs each client's catalogue. */
const MAX_OFFERS = 10_000

/** Sorts an announcement by what the connector was granted at its enrolment. */
export function sortOffers(
  apps: readonly AnnouncedApp[],
  grants: readonly NamePattern[],
): SortedOffers {
  const accepted: Offer[] = []
  const refused: RefusedOffer[] = []
  const seen = new Set<string>()
  for (const app of apps) {
    const sorted = sortOffer(app, grants, seen)
    if ('why' in sorted) refused.push(sorted)
    else accepted.push(sorted)
  }
  return { accepted, refused }
}

export const isGranted = (pattern: NamePattern, grants: readonly NamePattern[]): boolean =>
  grants.some((grant) => includes(grant, pattern))

export const holdsPort = (
  ports: readonly PortRange[],
  port: number,
  protocol: PortRange['protocol'],
): boolean =>
  ports.some((range) => range.protocol === protocol && range.from <= port && port <= range.to)

/** Whether two lists offer the same names and ports, in the same order; health is another matter. */
export const isSameOffer = (a: readonly Offer[] | undefined, b: readonly Offer[]): boolean =>
  a === b || (a !== undefined && JSON.stringify(a.map(namesOf)) === JSON.stringify(b.map(namesOf)))

const namesOf = ({ pattern, ports, fixedTo }: Offer) => [pattern.kind, pattern.base, ports, fixedTo]

function sortOffer(
  app: AnnouncedApp,
  grants: readonly NamePattern[],
  seen: Set<string>,
): Offer | RefusedOffer {
  const read = readPattern(app.pattern)
  if (read.kind !== 'pattern') return { pattern: app.pattern, why: 'not-a-pattern' }
  const text = formatPattern(read.pattern)
  if (!isGranted(read.pattern, grants)) return { pattern: text, why: 'not-granted' }
  if (seen.has(text)) return { pattern: text, why: 'twice' }
  if (seen.size >= MAX_OFFERS) return { pattern: text, why: 'too-many' }
  seen.add(text)
  const { ports, fixedTo, health } = app
  return { pattern: read.pattern, ports, fixedTo, health }
}
