import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { SessionError } from './session.ts'

/** An issuer's keys: written in the settings, or fetched from its JWKS address. */
export type IssuerKeys =
  | { readonly kind: 'jwks'; readonly jwks: JSONWebKeySet }
  | { readonly kind: 'jwks-url'; readonly url: string }

/** Fetches a JWKS document; see fetch-jwks.ts. */
export type FetchJwks = (url: string) => Promise<unknown>

/** A set is fetched anew after this time, whether or not it was found wanting. */
const FRESH_MS = 10 * 60_000
/** Unknown key ids and failures do not make it be fetched more often than this. */
const COOL_DOWN_MS = 10_000
const MAX_KEYS = 100

/** What jose asks for the key of a token; a fixed set, or a remote one with its last good state kept. */
export function keySource(keys: IssuerKeys, fetch: FetchJwks, now: () => number): JWTVerifyGetKey {
  if (keys.kind === 'jwks') return localSet(keys.jwks)
  const remote = new RemoteJwks(keys.url, fetch, now)
  return (header, token) => remote.keyOf(header, token)
}

class RemoteJwks {
  readonly #url: string
  readonly #fetch: FetchJwks
  readonly #now: () => number
  #lastGood: JWTVerifyGetKey | undefined
  #lastGoodAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(url: string, fetch: FetchJwks, now: () => number) {
    this.#url = url
    this.#fetch = fetch
    this.#now = now
  }

  async keyOf(
    ...asked: Parameters<JWTVerifyGetKey>
  ): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    if (this.#now() - this.#lastGoodAt > FRESH_MS) await this.#refresh()
    try {
      return await this.#current()(...asked)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
    }
    await this.#refresh()
    return this.#current()(...asked)
  }

  #current(): JWTVerifyGetKey {
    if (this.#lastGood) return this.#lastGood
    throw new SessionError('ERR_ISSUER_UNREACHABLE', `no keys could be fetched from ${this.#url}`)
  }

  /** One fetch for all who wait; none while the last is too recent. A failure leaves the last good set. */
  async #refresh(): Promise<void> {
    if (!this.#asking && this.#now() - this.#askedAt < COOL_DOWN_MS) return
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
  }

  async #ask(): Promise<void> {
    this.#askedAt = this.#now()
    try {
      this.#lastGood = localSet(await this.#fetch(this.#url))
      this.#lastGoodAt = this.#now()
    } catch {
      // Kept: an outage of the provider must not lock out those whose tokens can still be checked.
    }
  }
}

/** Only keys of asymmetric kinds: an `oct` key in a public document is no secret. */
function localSet(document: unknown): JWTVerifyGetKey {
  const { keys } = (document ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new TypeError('not a JWKS')
  return createLocalJWKSet({ keys: keys.filter((key) => key?.kty !== 'oct') })
}
