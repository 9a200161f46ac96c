import { randomBytes } from 'node:crypto'
import type { Hostname } from '../../names/hostname.ts'
import { lifeSeconds } from './cache.ts'
import { type Message, ownerLabels, type RecordAt } from './message.ts'
import { textOf } from './name.ts'
import { type Ask, makeQuery } from './query.ts'
import { type RaceTimes, raceServers } from './race.ts'
import { plainRdata } from './rdata.ts'
import type { Server } from './system.ts'
import { CLASS_IN, RCODE, TYPE, typeName, typeNumber } from './type.ts'
import { exchange } from './upstream.ts'

/** One record as it travels in RESOLVED: owner as text, type as mnemonic, RDATA uncompressed. */
export interface ResolvedRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly dataBase64: string
}

/** What was found out about a name and type (the RESOLVED message without its id). */
export interface Resolved {
  readonly kind: 'exists' | 'absent' | 'no-data' | 'failed' | 'refused'
  readonly ttlSeconds: number
  readonly records?: readonly ResolvedRecord[]
  readonly reason?: string
}

/** What fits into one control message with room to spare. */
const MAX_RECORDS = 64
const MAX_DATA_BYTES = 12 * 1024

/**
 * Asks `servers` for the records of a name: the answer section with its CNAME chain. Any type with a
 * mnemonic or `TYPE123`; never rejects: what goes wrong is `failed` with a reason.
 */
export async function lookupRecords(
  name: Hostname,
  type: string,
  servers: readonly Server[],
  times?: RaceTimes,
): Promise<Resolved> {
  const number = typeNumber(type)
  if (number === undefined) return failed(`no such record type: ${type}`)
  const ask = askFor(name, number)
  const message = await raceServers(
    servers,
    (server, signal) => exchange(server, makeQuery(ask, randomBytes), signal),
    times,
  )
  if (message === undefined) return failed('no DNS server answered')
  return resolvedFrom(message, number)
}

function askFor(name: Hostname, type: number): Ask {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1'))
  return { labels, type, class: CLASS_IN, dnssecOk: false, checkingDisabled: false }
}

/** The part of {@link lookupRecords} that needs no network. */
function resolvedFrom(message: Message, type: number): Resolved {
  const ttlSeconds = lifeSeconds(message)
  if (message.rcode === RCODE.NXDOMAIN) return { kind: 'absent', ttlSeconds }
  if (message.rcode !== RCODE.NOERROR) return failed(`the DNS server said rcode ${message.rcode}`)
  const wanted = message.answers.filter((record) => isWanted(record, type))
  if (!wanted.some((record) => record.type === type)) return { kind: 'no-data', ttlSeconds }
  const records = wanted.map((record) => recordFrom(message, record))
  if (records.length > MAX_RECORDS || !records.every((record) => record !== undefined)) {
    return failed('the answer is malformed or too large')
  }
  const bytes = records.reduce((sum, record) => sum + record.dataBase64.length, 0)
  if (bytes > MAX_DATA_BYTES) return failed('the answer is too large')
  return { kind: 'exists', ttlSeconds, records }
}

function isWanted(record: RecordAt, type: number): boolean {
  return record.class === CLASS_IN && (record.type === type || record.type === TYPE.CNAME)
}

function recordFrom(message: Message, record: RecordAt): ResolvedRecord | undefined {
  const data = plainRdata(record.type, message.bytes, record.dataAt, record.dataBytes)
  const name = textOf(ownerLabels(message.bytes, record))
  if (data === undefined || name === undefined) return undefined
  const dataBase64 = Buffer.from(data).toString('base64')
  return { name, type: typeName(record.type), ttl: record.ttl, dataBase64 }
}

const failed = (reason: string): Resolved => ({ kind: 'failed', ttlSeconds: 0, reason })
