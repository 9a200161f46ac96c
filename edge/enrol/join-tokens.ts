import { createHash, timingSafeEqual } from 'node:crypto'
import { formatJoinToken, type JoinToken, makeJoinSecret } from '../../identity/join.ts'
import { formatPattern } from '../../names/pattern.ts'
import { makeAudit } from '../audit.ts'
import type { Entry, Json, Store } from '../store/store.ts'
import { EnrolError, type JoinTokenGrant } from './connector.ts'

/** Join tokens in the store: `join/<id>`, kept for {@link KEEP_MS} after their end to say so. */
const JOIN = 'join/'
const KEEP_MS = 7 * 86_400_000
const DEFAULT_LIFE_MS = 86_400_000
/** Keys that one token may let in at most: its record, which names each, must fit in the store. */
export const MAX_USES = 500

/** What the store knows of a join token: a hash in the secret's place. */
export interface JoinRecord {
  readonly id: string
  readonly secretHash: string
  readonly name: string
  /** Patterns as they are spelled. */
  readonly grants: readonly string[]
  readonly uses: number
  readonly expiresAt: number
  /** Thumbprints of the keys that it let in, and which connector each became. */
  readonly used: Readonly<Record<string, string>>
  readonly revision: number
}

export interface JoinTokenDeps {
  readonly store: Store
  /** Where the connector will find the edge, and what its CA is. */
  readonly edgeUrl: string
  readonly caPin: string
  readonly now: () => number
  readonly random?: (size: number) => Uint8Array
}

/** Makes a join token. The text is the only place where its secret ever is. */
export async function makeConnectorToken(
  grant: JoinTokenGrant,
  { store, edgeUrl, caPin, now, random }: JoinTokenDeps,
  by = 'an admin',
): Promise<{ readonly token: string; readonly id: string; readonly expiresAt: number }> {
  const { name, mayPublish, uses = 1, lifeMs = DEFAULT_LIFE_MS } = grant
  if (uses > MAX_USES) throw new RangeError(`a join token has ${MAX_USES} uses at most`)
  const { id, secret } = makeJoinSecret(random)
  const expiresAt = now() + lifeMs
  const value = {
    secretHash: hashOf(secret),
    name,
    grants: mayPublish.map(formatPattern),
    uses,
    expiresAt,
    used: {},
  }
  await store.create(JOIN + id, value, { expiresAt: expiresAt + KEEP_MS })
  await makeAudit(store)({ event: 'join-token-made', tokenId: id, name }, { by })
  return { token: formatJoinToken({ edgeUrl, caPin, id, secret }), id, expiresAt }
}

/**
 * The record of a token whose secret is right.
 * @throws {EnrolError} ERR_ENROL_TOKEN_UNKNOWN: one answer to a wrong id and to a wrong secret
 */
export async function findJoinRecord(store: Store, token: JoinToken): Promise<JoinRecord> {
  const entry = await store.get(JOIN + token.id)
  const record = entry && parseRecord(entry)
  // Compared also when there is none, so that the time taken does not tell.
  const isRight = sameText(record?.secretHash ?? hashOf('none'), hashOf(token.secret))
  if (record && isRight) return record
  throw new EnrolError('ERR_ENROL_TOKEN_UNKNOWN', 403, 'this edge knows no such join token')
}

/** Writes that `key` became `connectorId`; `false`: a rival changed the record meanwhile. */
export async function markUsed(
  store: Store,
  record: JoinRecord,
  key: string,
  connectorId: string,
): Promise<boolean> {
  const { id, revision, ...value } = record
  const used = { ...record.used, [key]: connectorId }
  const expiresAt = record.expiresAt + KEEP_MS
  const next = { ...value, used } as unknown as Json
  return (await store.update(JOIN + id, next, revision, { expiresAt })).kind === 'written'
}

const hashOf = (secret: string) => createHash('sha256').update(secret).digest('base64url')

const sameText = (a: string, b: string) => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function parseRecord({ key, value, revision }: Entry): JoinRecord | undefined {
  const found = value as Partial<JoinRecord> | null
  if (typeof found?.secretHash !== 'string' || typeof found.expiresAt !== 'number') return undefined
  const id = key.slice(JOIN.length)
  return { ...(found as JoinRecord), id, revision }
}
