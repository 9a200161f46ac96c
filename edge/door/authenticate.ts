import { IdentityError } from '../../identity/error.ts'
import { publicKeyOf } from '../../identity/key.ts'
import { verifyProof } from '../../identity/proof.ts'
import { formatPattern } from '../../names/pattern.ts'
import type { ResetCode } from '../../tunnel/codes.ts'
import type { Auth, AuthOutcome } from '../../tunnel/messages/handshake.ts'
import type { Connectors } from '../enrol/connector.ts'
import { SessionError, type Sessions } from '../sessions/session.ts'

export interface Authorities {
  readonly sessions: Pick<Sessions, 'authenticate'>
  readonly connectors: Pick<Connectors, 'fetch'>
}

/**
 * Who is at the other end of a new tunnel: the credential must be good, and the key that belongs to it
 * must have signed this very handshake. Never rejects for what a peer sent.
 */
export async function authenticate(auth: Auth, authorities: Authorities): Promise<AuthOutcome> {
  const { credential, role } = auth
  if (credential.kind === 'session' && role === 'client') {
    return client(auth, credential.token, authorities)
  }
  if (credential.kind === 'connector' && role === 'connector') {
    return connector(auth, credential.connectorId, authorities)
  }
  return refuse('not-authenticated', 'this credential does not go with this role')
}

async function client(auth: Auth, token: string, { sessions }: Authorities): Promise<AuthOutcome> {
  try {
    const { id, person, devicePublicJwk, expiresAt } = await sessions.authenticate(token)
    if (!isProved(auth, devicePublicJwk)) return NOT_PROVED
    const { subject, email } = person
    const you = { kind: 'client', subject, sessionId: id, expiresAt } as const
    return { kind: 'accepted', you: email === undefined ? you : { ...you, email } }
  } catch (error) {
    return refusalOf(error)
  }
}

async function connector(
  auth: Auth,
  connectorId: string,
  { connectors }: Authorities,
): Promise<AuthOutcome> {
  const record = await connectors.fetch(connectorId)
  // The key first: who cannot prove one learns nothing about connectors.
  if (!record || !isProved(auth, record.publicJwk)) return NOT_PROVED
  if (record.revokedAt !== undefined)
    return refuse('connector-revoked', 'this connector is revoked')
  const { name, grants } = record
  const you = { kind: 'connector', connectorId, name, grants: grants.map(formatPattern) } as const
  return { kind: 'accepted', you }
}

type Jwk = Parameters<typeof publicKeyOf>[0]

const isProved = ({ transcript, signature }: Auth, jwk: Jwk): boolean =>
  verifyProof(publicKeyOf(jwk), transcript, signature)

const refuse = (code: ResetCode, reason: string): AuthOutcome => ({ kind: 'refused', code, reason })

const NOT_PROVED = refuse('not-authenticated', 'the handshake is not signed by the key it names')

function refusalOf(error: unknown): AuthOutcome {
  if (error instanceof SessionError) {
    return refuse(ENDED[error.code] ?? 'not-authenticated', error.message)
  }
  if (error instanceof IdentityError) return refuse('not-authenticated', error.message)
  throw error
}

const ENDED: Partial<Record<SessionError['code'], ResetCode>> = {
  ERR_SESSION_ENDED: 'session-revoked',
}
