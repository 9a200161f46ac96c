import { randomBytes } from 'node:crypto'
import { decodeBase64url } from '../../identity/base64url.ts'
import { IdentityError } from '../../identity/error.ts'
import { type JoinToken, parseJoinToken } from '../../identity/join.ts'
import { type PublicJwk, publicKeyOf, readPublicJwk, thumbprint } from '../../identity/key.ts'
import { enrolTranscript, verifyProof } from '../../identity/proof.ts'
import { parsePattern } from '../../names/pattern.ts'
import { type Audit, makeAudit } from '../audit.ts'
import type { Store } from '../store/store.ts'
import { type ConnectorRecord, EnrolError } from './connector.ts'
import { createConnector, readConnector } from './connectors.ts'
import { findJoinRecord, type JoinRecord, markUsed } from './join-tokens.ts'

export interface EnrolDeps {
  readonly store: Store
  readonly now: () => number
  readonly random?: (size: number) => Uint8Array
}

/**
 * Lets a connector's key in by a join token. The same key with the same token is answered the same
 * again, also when the token is spent or over: its first answer may have been lost.
 * @throws {EnrolError | StoreError}
 */
export async function enrol(
  request: unknown,
  from: string,
  deps: EnrolDeps,
): Promise<ConnectorRecord> {
  const audit = makeAudit(deps.store)
  const asked = readRequest(request)
  try {
    proveKey(asked)
    return await letIn(asked, from, deps, audit)
  } catch (error) {
    if (error instanceof EnrolError) {
      const event = {
        event: 'enrolment-refused',
        tokenId: asked.token.id,
        code: error.code,
      } as const
      await audit(event, { from })
    }
    throw error
  }
}

interface Asked {
  readonly token: JoinToken
  readonly publicJwk: PublicJwk
  readonly signature: Uint8Array
}

function readRequest(request: unknown): Asked {
  const { token, publicJwk, proof } = (request ?? {}) as Record<string, unknown>
  const signature = typeof proof === 'string' ? decodeBase64url(proof) : undefined
  if (typeof token !== 'string' || signature === undefined) throw badRequest('a field is missing')
  try {
    return { token: parseJoinToken(token), publicJwk: readPublicJwk(publicJwk), signature }
  } catch (error) {
    if (error instanceof IdentityError) throw badRequest(error.message)
    throw error
  }
}

function proveKey({ token, publicJwk, signature }: Asked): void {
  const facts = { tokenId: token.id, caPin: token.caPin, thumbprint: thumbprint(publicJwk) }
  if (verifyProof(publicKeyOf(publicJwk), enrolTranscript(facts), signature)) return
  throw new EnrolError('ERR_ENROL_PROOF', 403, 'the request is not signed by the key it brings')
}

async function letIn(
  { token, publicJwk }: Asked,
  from: string,
  deps: EnrolDeps,
  audit: Audit,
): Promise<ConnectorRecord> {
  const { store, now, random = randomBytes } = deps
  const key = thumbprint(publicJwk)
  for (;;) {
    const record = await findJoinRecord(store, token)
    const known = record.used[key]
    if (known !== undefined) return keep(known, record, publicJwk, deps)
    checkUsable(record, now())
    const id = `con_${Buffer.from(random(8)).toString('hex')}`
    // The use first: of two keys that come at once only the one that is counted becomes a connector.
    if (!(await markUsed(store, record, key, id))) continue
    await audit({ event: 'connector-enrolled', connectorId: id, name: record.name }, { from })
    return keep(id, record, publicJwk, deps)
  }
}

/** The connector that a use of the token stands for; made here if it is not there yet. */
async function keep(
  id: string,
  { name, grants }: JoinRecord,
  publicJwk: PublicJwk,
  { store, now }: EnrolDeps,
): Promise<ConnectorRecord> {
  const fresh = { id, name, grants: grants.map(parsePattern), publicJwk, enrolledAt: now() }
  if (await createConnector(store, fresh)) return fresh
  const found = await readConnector(store, id)
  if (found && found.revokedAt === undefined) return found
  throw new EnrolError('ERR_ENROL_REVOKED', 403, 'this connector is revoked: it needs a new token')
}

function checkUsable({ uses, used, expiresAt }: JoinRecord, now: number): void {
  if (Object.keys(used).length >= uses) {
    throw new EnrolError('ERR_ENROL_TOKEN_SPENT', 403, 'this join token has been used already')
  }
  if (expiresAt <= now) {
    throw new EnrolError('ERR_ENROL_TOKEN_EXPIRED', 410, 'this join token is over')
  }
}

function badRequest(why: string): EnrolError {
  return new EnrolError('ERR_ENROL_REQUEST', 400, `not an enrolment: ${why}`)
}
