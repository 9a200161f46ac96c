import type { Hostname } from '../names/hostname.ts'
import type { ResetCode } from '../tunnel/codes.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { Network } from './network.ts'

export type Resolution =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'failed'; readonly code: ResolveFailure; readonly reason: string }

export type ResolveFailure = Extract<
  ResetCode,
  'origin-no-such-name' | 'origin-dns-failed' | 'over-budget'
>

/** A lookup cannot be called off: so many different names at once, and no more. */
const MAX_LOOKUPS = 256
const TIMEOUT_MS = 5000

/**
 * Names to addresses by the system's resolver, at the moment of the dial and never from a memory.
 * Flows that ask for one name at the same moment share one lookup.
 */
export class Resolver {
  readonly #network: Pick<Network, 'lookup'>
  readonly #clock: Pick<TunnelClock, 'after'>
  readonly #underWay = new Map<Hostname, Promise<Resolution>>()

  constructor(network: Pick<Network, 'lookup'>, clock: Pick<TunnelClock, 'after'>) {
    this.#network = network
    this.#clock = clock
  }

  /** Never rejects. */
  resolve(name: Hostname): Promise<Resolution> {
    const shared = this.#underWay.get(name)
    if (shared) return this.#withTimeout(shared)
    if (this.#underWay.size >= MAX_LOOKUPS) {
      return Promise.resolve(failed('over-budget', 'too many names are being looked up'))
    }
    const lookup = this.#lookup(name).finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, lookup)
    return this.#withTimeout(lookup)
  }

  async #lookup(name: Hostname): Promise<Resolution> {
    try {
      const addresses = await this.#network.lookup(name)
      if (addresses.length > 0) return { kind: 'addresses', addresses }
      return failed('origin-no-such-name', 'it has no address')
    } catch (error) {
      return failureOf(error as NodeJS.ErrnoException)
    }
  }

  #withTimeout(lookup: Promise<Resolution>): Promise<Resolution> {
    return new Promise((resolve) => {
      const stop = this.#clock.after(TIMEOUT_MS, () =>
        resolve(failed('origin-dns-failed', `no answer within ${TIMEOUT_MS / 1000} s`)),
      )
      void lookup.then((resolution) => {
        stop()
        resolve(resolution)
      })
    })
  }
}

const failed = (code: ResolveFailure, reason: string): Resolution => ({
  kind: 'failed',
  code,
  reason,
})

/** getaddrinfo(3): EAI_NONAME and EAI_NODATA say that there is none, all else that nobody knows. */
function failureOf({ code }: NodeJS.ErrnoException): Resolution {
  if (code === 'ENOTFOUND' || code === 'ENODATA') {
    return failed('origin-no-such-name', "the connector's resolver does not know it")
  }
  return failed('origin-dns-failed', `the connector's resolver failed (${code ?? 'unknown'})`)
}
