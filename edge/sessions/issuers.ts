import type { JWTVerifyGetKey } from 'jose'
import { readCompact } from '../../identity/compact.ts'
import { IdentityError } from '../../identity/error.ts'
import { type VerifiedIdToken, verifyIdToken } from '../../identity/id-token.ts'
import { emailOf, type Person } from '../../identity/person.ts'
import { type FetchJwks, type IssuerKeys, keySource } from './jwks.ts'
import { SessionError } from './session.ts'

/** Somebody whose word on who a person is counts, and how far it counts. */
export interface IssuerSettings {
  /** `iss`, compared as it is. */
  readonly issuer: string
  /** `aud`: who we are to that issuer. */
  readonly audience: string
  readonly keys: IssuerKeys
  /** Domains whose addresses it may assert. No two issuers may have one in common. */
  readonly domains: readonly string[]
  /** `trusted`: its addresses count without `email_verified`. */
  readonly emails?: 'trusted' | undefined
  /** Claims beyond the address that it may supply; others are dropped. Default: `groups`, `name`. */
  readonly claims?: readonly string[] | undefined
  /** How old its tokens may be; default 10 minutes. */
  readonly maxAgeMs?: number | undefined
}

/** Settings that must not load: two issuers of one name, or of one domain; an insecure key address. */
export class IssuersError extends Error {
  override readonly name = 'IssuersError'
  readonly code = 'ERR_ISSUERS'
  readonly issuer: string
  constructor(issuer: string, what: string) {
    super(`issuer ${issuer}: ${what}`)
    this.issuer = issuer
  }
}

interface Issuer extends IssuerSettings {
  readonly source: JWTVerifyGetKey
}

export class Issuers {
  readonly #byName = new Map<string, Issuer>()
  readonly #now: () => number

  /** @throws {IssuersError} */
  constructor(
    all: readonly IssuerSettings[],
    { fetch, now }: { fetch: FetchJwks; now: () => number },
  ) {
    this.#now = now
    const domains = new Map<string, string>()
    for (const settings of all) {
      checkSettings(settings, this.#byName, domains)
      const source = keySource(settings.keys, fetch, now)
      this.#byName.set(settings.issuer, { ...settings, source })
    }
  }

  /**
   * Who an ID token speaks of, once every check has passed.
   * @throws {SessionError} ERR_ISSUER_UNKNOWN, ERR_ISSUER_UNREACHABLE, ERR_SUBJECT_TOKEN (with its cause)
   */
  async identify(
    idToken: string,
  ): Promise<{ readonly person: Person; readonly verified: VerifiedIdToken }> {
    try {
      const issuer = this.#issuerOf(idToken)
      const verified = await verifyIdToken(idToken, {
        keys: issuer.source,
        issuer: issuer.issuer,
        audience: issuer.audience,
        now: this.#now(),
        maxAgeMs: issuer.maxAgeMs ?? MAX_AGE_MS,
      })
      return { person: personOf(verified, issuer), verified }
    } catch (error) {
      if (!(error instanceof IdentityError)) throw error
      throw new SessionError('ERR_SUBJECT_TOKEN', error.message, { cause: error })
    }
  }

  /** Looked up by the unchecked `iss`: it only chooses whose keys must verify the token. */
  #issuerOf(idToken: string): Issuer {
    const { iss } = readCompact(idToken).payload
    const issuer = typeof iss === 'string' ? this.#byName.get(iss) : undefined
    if (issuer) return issuer
    throw new SessionError(
      'ERR_ISSUER_UNKNOWN',
      'the token is of an issuer that is not trusted here',
    )
  }
}

const MAX_AGE_MS = 10 * 60_000
const DEFAULT_CLAIMS = ['groups', 'name']

function personOf({ issuer, subject, claims }: VerifiedIdToken, settings: IssuerSettings): Person {
  const email = emailOf(claims, settings)
  const wanted = settings.claims ?? DEFAULT_CLAIMS
  const kept = Object.entries(claims).filter(([name]) => wanted.includes(name))
  const person = { issuer, subject, claims: Object.fromEntries(kept) }
  return email === undefined ? person : { ...person, email }
}

function checkSettings(
  { issuer, audience, domains, keys }: IssuerSettings,
  known: ReadonlyMap<string, unknown>,
  owners: Map<string, string>,
): void {
  if (issuer === '' || audience === '')
    throw new IssuersError(issuer, 'needs a name and an audience')
  if (known.has(issuer)) throw new IssuersError(issuer, 'is there twice')
  for (const domain of domains) {
    const folded = domain.toLowerCase()
    const owner = owners.get(folded)
    if (owner !== undefined) throw new IssuersError(issuer, `${domain} belongs to ${owner} already`)
    owners.set(folded, issuer)
  }
  if (keys.kind === 'jwks-url' && !isSafeAddress(keys.url)) {
    throw new IssuersError(issuer, 'the address of its keys must be https (or this machine)')
  }
}

/** Plain http only where no network lies between. */
function isSafeAddress(text: string): boolean {
  const url = URL.parse(text)
  if (url?.protocol === 'https:') return true
  return url?.protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(url.hostname)
}
