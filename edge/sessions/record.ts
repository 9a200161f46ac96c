import { readPublicJwk, thumbprint } from '../../identity/key.ts'
import type { Person } from '../../identity/person.ts'
import type { DeviceFacts } from '../../identity/wire.ts'
import type { Entry, Json } from '../store/store.ts'
import type { Session } from './session.ts'

/** Where sessions rest: `session/<id>`. A revoked one stays, marked, until its life is over. */
export const SESSIONS = 'session/'

export interface SessionRecord {
  readonly session: Session
  readonly revokedAt?: number | undefined
  /** The store's, for compare-and-set. */
  readonly revision: number
}

export function encodeRecord(
  session: Session,
  revoked?: { readonly at: number; readonly by: string },
): Json {
  const { person, devicePublicJwk, deviceFacts, createdAt, expiresAt } = session
  const mark = revoked ? { revokedAt: revoked.at, revokedBy: revoked.by } : {}
  return { person, devicePublicJwk, deviceFacts, createdAt, expiresAt, ...mark } as unknown as Json
}

/** What {@link encodeRecord} wrote; `undefined` for anything else, which then counts as no session. */
export function parseRecord({ key, value, revision }: Entry): SessionRecord | undefined {
  const stored = value as Partial<StoredSession> | null
  if (typeof stored !== 'object' || !isPerson(stored?.person)) return undefined
  const { person, deviceFacts = {}, createdAt, expiresAt, revokedAt } = stored
  if (!isTime(createdAt) || !isTime(expiresAt)) return undefined
  try {
    const devicePublicJwk = readPublicJwk(stored.devicePublicJwk)
    const deviceThumbprint = thumbprint(devicePublicJwk)
    const id = key.slice(SESSIONS.length)
    const device = { devicePublicJwk, deviceThumbprint, deviceFacts }
    return { session: { id, person, ...device, createdAt, expiresAt }, revokedAt, revision }
  } catch {
    return undefined
  }
}

interface StoredSession {
  readonly person: Person
  readonly devicePublicJwk: unknown
  readonly deviceFacts: DeviceFacts
  readonly createdAt: number
  readonly expiresAt: number
  readonly revokedAt: number
}

function isPerson(value: unknown): value is Person {
  const { issuer, subject, claims } = (value ?? {}) as Record<string, unknown>
  return typeof issuer === 'string' && typeof subject === 'string' && typeof claims === 'object'
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value)
