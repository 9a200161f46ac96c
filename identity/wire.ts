import type { PublicJwk } from './key.ts'

/** What goes over HTTPS between a client or connector and its edge; docs/identity.md in prose. */
export const PATHS = {
  wellKnown: '/.well-known/byname',
  token: '/auth/token',
  enrol: '/connector/enrol',
} as const

/** GET /.well-known/byname: what a newcomer needs to know of an edge. Public. */
export interface WellKnown {
  readonly schema: 1
  readonly deployment: string
  readonly edgeName: string
  readonly caPem: string
  readonly caPin: string
  readonly signingKeys: { readonly keys: readonly (PublicJwk & { readonly kid: string })[] }
}

export const GRANT = {
  /** RFC 8693 §2.1: an ID token of a trusted issuer becomes a session. */
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  /** RFC 6749 §6, key-bound as RFC 9449 §5 wants it: the session's id is the (public) refresh token. */
  renew: 'refresh_token',
} as const

export const TOKEN_TYPE = {
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
} as const

/**
 * POST /auth/token, application/x-www-form-urlencoded, header `DPoP:` a proof for POST and the
 * endpoint's URL as the client spells it. These are the fields of an exchange…
 */
export interface ExchangeForm {
  readonly grant_type: typeof GRANT.exchange
  readonly subject_token: string
  readonly subject_token_type: typeof TOKEN_TYPE.idToken
  /** JSON of {@link DeviceFacts}, 1 KiB at most: self-reported. */
  readonly device?: string
}

/** …and these of a renewal. */
export interface RenewForm {
  readonly grant_type: typeof GRANT.renew
  readonly refresh_token: string
}

/** What a device says of itself. */
export interface DeviceFacts {
  readonly hostName?: string
  readonly os?: string
  readonly version?: string
}

/** 200 to both. `byname` holds what OAuth has no names for. */
export interface TokenResponse {
  readonly access_token: string
  readonly issued_token_type: typeof TOKEN_TYPE.accessToken
  readonly token_type: 'DPoP'
  readonly expires_in: number
  readonly refresh_token: string
  readonly byname: {
    readonly schema: 1
    readonly deployment: string
    readonly sessionId: string
    /** ms since the epoch: of the token, of the session. */
    readonly expiresAt: number
    readonly sessionExpiresAt: number
    readonly person: { readonly issuer: string; readonly subject: string; readonly email?: string }
  }
}

/** RFC 6749 §5.2, RFC 9449 §5 and, with 429, RFC 8628 §3.5. */
export type TokenErrorCode =
  | 'invalid_request'
  | 'invalid_grant'
  | 'unsupported_grant_type'
  | 'invalid_dpop_proof'
  | 'slow_down'
  | 'temporarily_unavailable'

export interface TokenErrorResponse {
  readonly error: TokenErrorCode
  readonly error_description: string
  /** Our own code behind it, such as `ERR_TOKEN_EXPIRED` or `ERR_SESSION_ENDED`. */
  readonly code: string
}

/** POST /connector/enrol, application/json. */
export interface EnrolRequest {
  /** The whole join token. */
  readonly token: string
  readonly publicJwk: PublicJwk
  /** base64url of the key's signature over `enrolTranscript` (proof.ts). */
  readonly proof: string
}

/** 200, the first time and whenever the same key asks again with the same token. */
export interface EnrolResponse {
  readonly schema: 1
  readonly connectorId: string
  readonly name: string
  /** Patterns as names/pattern.ts spells them. */
  readonly grants: readonly string[]
  readonly deployment: string
  readonly edgeName: string
  readonly caPem: string
}

export type EnrolErrorCode =
  | 'ERR_ENROL_REQUEST'
  | 'ERR_JOIN_TOKEN'
  | 'ERR_ENROL_TOKEN_UNKNOWN'
  | 'ERR_ENROL_TOKEN_EXPIRED'
  | 'ERR_ENROL_TOKEN_SPENT'
  | 'ERR_ENROL_REVOKED'
  | 'ERR_ENROL_PROOF'
  | 'ERR_RATE_LIMITED'
  | 'ERR_STORE_UNAVAILABLE'

/** 4xx and 5xx of everything that is not OAuth. */
export interface ErrorResponse {
  readonly error: { readonly code: string; readonly message: string }
}
