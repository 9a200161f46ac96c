/**
 * Who asks. Treat it as immutable: what was found out about it is kept by the object, so a session
 * whose claims were refreshed needs a new one. The e-mail address has been verified by a provider
 * that may assert its domain, or it is absent.
 */
export type Requester = PersonRequester | ServiceRequester | NetworkRequester

export interface PersonRequester {
  readonly kind: 'person'
  /** The provider's name as the edge's settings and the policy write it (`okta`). */
  readonly issuer: string
  readonly subject: string
  readonly email?: string | undefined
  /** By provider name: the claims of that provider's verified token. A claim not in it is absent. */
  readonly claims: Claims
  /** Claims that could not be learned (overage, failed fetch): neither true nor false. */
  readonly unknownClaims?: UnknownClaims | undefined
}

export interface ServiceRequester {
  readonly kind: 'service'
  readonly id: string
}

/** A gateway network with nobody signed in. */
export interface NetworkRequester {
  readonly kind: 'network'
  readonly id: string
}

export type Claims = ReadonlyMap<string, Readonly<Record<string, unknown>>>

/** Claim names by provider name. */
export type UnknownClaims = ReadonlyMap<string, ReadonlySet<string>>

/** `alice@example.com`, `service:ci`, `network:branch`: as logs and refusals name a requester. */
export function formatRequester(who: Requester): string {
  switch (who.kind) {
    case 'person':
      return who.email ?? `${who.issuer}/${who.subject}`
    case 'service':
      return `service:${who.id}`
    case 'network':
      return `network:${who.id}`
  }
}
