/** Somebody a trusted issuer vouches for. JSON all through, so that it can rest in a session record. */
export interface Person {
  readonly issuer: string
  readonly subject: string
  /** In lower case; only where the issuer may assert its domain. */
  readonly email?: string
  /** The issuer's own further claims (groups and the like), as the rules of that issuer let through. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** Which addresses an issuer is believed about. */
export interface EmailRule {
  /** Domains in lower case, whole: `example.com` is not `sub.example.com`. */
  readonly domains: readonly string[]
  /** `trusted`: every address; otherwise only with `email_verified: true`. */
  readonly emails?: 'trusted' | undefined
}

/** The address of `claims` that the rule lets count, in lower case. */
export function emailOf(
  claims: Readonly<Record<string, unknown>>,
  rule: EmailRule,
): string | undefined {
  const { email, email_verified: verified } = claims
  if (typeof email !== 'string' || email.length > 254) return undefined
  if (rule.emails !== 'trusted' && verified !== true) return undefined
  const folded = email.toLowerCase()
  if (!ADDRESS.test(folded)) return undefined
  return rule.domains.includes(folded.slice(folded.lastIndexOf('@') + 1)) ? folded : undefined
}

/** One `@`, printable ASCII without blanks, quotes or commas: what policy documents can spell. */
const ADDRESS = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9.-]+$/
