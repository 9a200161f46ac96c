import { rm } from 'node:fs/promises'
import path from 'node:path'
import { type DeviceKey, exportKey, importKey, makeDeviceKey } from '../../identity/key.ts'
import type { EnrolResponse } from '../../identity/wire.ts'
import { readSecret, writeSecret } from '../../process/state.ts'
import { EnrolError } from './error.ts'

/** What an edge knows this connector by, as it is kept in the state directory. */
export interface Enrolment extends Omit<EnrolResponse, 'schema'> {
  /** Which join token it came of. */
  readonly tokenId: string
  readonly edgeUrl: string
  readonly key: DeviceKey
}

const DONE = 'enrolment.json'
const PENDING = 'enrolling.json'

/** @throws {EnrolError} ERR_ENROLMENT_FORMAT; {StateError} ERR_SECRET_READABLE */
export async function loadEnrolment(state: string): Promise<Enrolment | undefined> {
  const file = path.join(state, DONE)
  const bytes = await readSecret(file)
  return bytes && readEnrolment(String(bytes), file)
}

export async function saveEnrolment(state: string, enrolment: Enrolment): Promise<void> {
  const document = { schema: 1, ...enrolment, key: exportKey(enrolment.key) }
  await writeSecret(path.join(state, DONE), JSON.stringify(document))
  await rm(path.join(state, PENDING), { force: true })
}

/**
 * The key with which this token is being redeemed: kept before it is first sent, so that after a lost
 * reply the same key asks again, which the edge answers alike.
 */
export async function pendingKey(state: string, tokenId: string): Promise<DeviceKey> {
  const file = path.join(state, PENDING)
  const kept = parse(String((await readSecret(file)) ?? ''))
  if (kept?.tokenId === tokenId) return importKey(kept.key)
  const key = makeDeviceKey()
  await writeSecret(file, JSON.stringify({ tokenId, key: exportKey(key) }))
  return key
}

function readEnrolment(text: string, file: string): Enrolment {
  const { schema, key, ...rest } = parse(text) ?? {}
  const texts = ['tokenId', 'connectorId', 'name', 'deployment', 'edgeName', 'edgeUrl', 'caPem']
  const fits =
    schema === 1 &&
    texts.every((field) => typeof rest[field] === 'string') &&
    Array.isArray(rest.grants) &&
    rest.grants.every((grant) => typeof grant === 'string')
  if (fits) return { ...(rest as unknown as Omit<Enrolment, 'key'>), key: importKey(key) }
  throw new EnrolError('ERR_ENROLMENT_FORMAT', `${file} cannot be read`, {
    why: 'it is damaged, or of another version of byname',
  })
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
