import type { ResetCode } from '../codes.ts'
import type { Facts } from '../flow.ts'
import type { Limits } from '../limits.ts'

export type Role = 'client' | 'connector'

export type Credential =
  | { readonly kind: 'session'; readonly token: string }
  | { readonly kind: 'connector'; readonly connectorId: string }

/** READY's `you`. */
export type You =
  | {
      readonly kind: 'client'
      readonly email?: string
      readonly subject: string
      readonly sessionId: string
      /** Milliseconds since the epoch. */
      readonly expiresAt: number
    }
  | {
      readonly kind: 'connector'
      readonly connectorId: string
      readonly name: string
      /** Canonical patterns of names/pattern.ts. */
      readonly grants: readonly string[]
    }

export interface Ready {
  readonly deployment: string
  readonly edgeName: string
  readonly edgeVersion: string
  readonly features: readonly string[]
  readonly limits: Limits
  /** URLs of every edge of the deployment, this one among them. */
  readonly edges: readonly string[]
  /** False: TLS ends before the edge. */
  readonly exporterMatched: boolean
  readonly keyAgreement: string | undefined
  readonly you: You
}

/** What a peer claims and has signed; nothing of it is checked yet but its shape and the exporter. */
export interface Auth {
  readonly role: Role
  readonly version: string
  readonly instance: string | undefined
  readonly credential: Credential
  readonly facts: Facts
  readonly features: readonly string[]
  /** As the peer says: a server cannot see it. */
  readonly keyAgreement: string | undefined
  /** The bytes of identity/proof.ts that `signature` must be over. */
  readonly transcript: Uint8Array
  readonly signature: Uint8Array
  readonly exporterMatched: boolean
  readonly remoteAddress: string
}

export type AuthOutcome =
  | { readonly kind: 'accepted'; readonly you: You }
  | { readonly kind: 'refused'; readonly code: ResetCode; readonly reason: string }

export interface Accepted {
  readonly auth: Auth
  /** What both sides can, as READY has told the peer. */
  readonly features: readonly string[]
  readonly you: You
}
