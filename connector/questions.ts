import { findHostname, type Hostname, hostOfService } from '../names/hostname.ts'
import type { Resolved as Found, ResolvedRecord } from '../resolver/dns/lookup.ts'
import type { Resolve, Resolved } from '../tunnel/control.ts'
import type { App, Apps } from './app.ts'
import type { Resolver } from './resolve.ts'

export interface QuestionOptions {
  readonly apps: () => Apps
  readonly resolver: Pick<Resolver, 'resolve'>
  /** Asks the system's DNS servers. */
  readonly lookup: (name: Hostname, type: string) => Promise<Found>
}

/** Types that say where services are. Addresses stay here, and so do records that hint at them. */
const CARRIED: readonly string[] = ['SRV', 'MX', 'TXT']
const ADDRESSES: readonly string[] = ['A', 'AAAA']
const EXISTS_SECONDS = 30
const MAX_QUESTIONS = 256

/** Answers RESOLVE for the names that this connector publishes, and for no others. */
export class Questions {
  readonly #options: QuestionOptions
  #underWay = 0

  constructor(options: QuestionOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async answer({ id, name, type }: Resolve): Promise<Resolved> {
    if (this.#underWay >= MAX_QUESTIONS) return resolved(id, failed('too many questions at once'))
    this.#underWay++
    try {
      return resolved(id, await this.#find(name, type))
    } catch {
      return resolved(id, failed('the question could not be answered'))
    } finally {
      this.#underWay--
    }
  }

  async #find(text: string, type: string): Promise<Found> {
    const name = findHostname(text)
    const host = name === text ? hostOfService(name) : undefined
    const [app] = host ? this.#options.apps().covering(host) : []
    if (!name || !host || !app) return NOT_PUBLISHED
    const real = realName(app, host)
    if (real === undefined) return found(type)
    if (CARRIED.includes(type)) {
      return this.#records(name, findHostname(name.slice(0, -host.length) + real), type)
    }
    const resolution = await this.#options.resolver.resolve(real)
    if (resolution.kind === 'addresses') return found(type)
    if (resolution.code !== 'origin-no-such-name') return failed(resolution.reason)
    return { kind: 'absent', ttlSeconds: EXISTS_SECONDS }
  }

  /**
   * `real`: the name to ask for, with the service (`_ldap._tcp`) that was asked of ours. Its records
   * are answered as the asked name's: a resolver takes them for no other.
   */
  async #records(asked: Hostname, real: Hostname | undefined, type: string): Promise<Found> {
    if (!real) return failed('too long a name')
    const found = await this.#options.lookup(real, type)
    const records = (found.records ?? []).map((record) =>
      record.name === real ? { ...record, name: asked } : record,
    )
    return { ...found, records }
  }
}

const NOT_PUBLISHED: Found = { kind: 'refused', ttlSeconds: 0, reason: 'not published here' }

const failed = (reason: string): Found => ({ kind: 'failed', ttlSeconds: 0, reason })

function found(type: string): Found {
  const kind = ADDRESSES.includes(type) ? 'exists' : 'no-data'
  return { kind, ttlSeconds: EXISTS_SECONDS }
}

/** The name to ask the DNS for; `undefined` when `to` leads to no name at all. */
function realName({ to }: App, asked: Hostname): Hostname | undefined {
  if (to.kind === 'as-asked') return asked
  return to.kind === 'name' ? to.name : undefined
}

function resolved(id: number, { kind, ttlSeconds, records = [], reason }: Found): Resolved {
  const plain: readonly ResolvedRecord[] = records
  const answer = { kind: 'resolved', id, answer: kind, ttlSeconds, records: plain } as const
  return reason === undefined ? answer : { ...answer, reason }
}
