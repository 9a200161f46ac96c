import { findHostname, type Hostname } from '../../names/hostname.ts'
import type { Resolved, ResolvedRecord } from '../dns/lookup.ts'
import { encodeHostname, readName, textOf } from '../dns/name.ts'
import { isPlainRdata } from '../dns/rdata.ts'
import type { WireRecord } from '../dns/reply.ts'
import { TYPE, typeNumber } from '../dns/type.ts'

const MAX_RECORDS = 64
const MAX_TTL_SECONDS = 3600

/**
 * The records that a connector sent, ready to be answered: those of the asked type, and the CNAMEs
 * that lead to them. `undefined` if any is malformed or about another name: a connector answers for
 * the name it was asked about and for nothing else.
 */
export function recordsFrom(
  resolved: Resolved,
  name: Hostname,
  type: number,
): WireRecord[] | undefined {
  const sent = resolved.records ?? []
  if (sent.length > MAX_RECORDS) return undefined
  const read = sent.map(readRecord)
  if (!read.every((record) => record !== undefined)) return undefined
  const chain = chainFrom(name, read)
  const isMeant = (record: ReadRecord) =>
    chain.has(record.owner) && (record.type === type || record.type === TYPE.CNAME)
  if (!read.every(isMeant) || !read.some((record) => record.type === type)) return undefined
  return read.map((record) => wireRecord(record, name))
}

interface ReadRecord {
  readonly owner: string
  readonly type: number
  readonly ttl: number
  readonly data: Uint8Array
}

function readRecord(sent: ResolvedRecord): ReadRecord | undefined {
  const [owner, type] = [findHostname(sent.name), typeNumber(sent.type)]
  const data = Buffer.from(sent.dataBase64, 'base64')
  if (owner === undefined || type === undefined || data.length > 65535) return undefined
  if (!isPlainRdata(type, data)) return undefined
  return { owner, type, ttl: Math.min(MAX_TTL_SECONDS, Math.max(0, Math.floor(sent.ttl))), data }
}

/** The names that CNAMEs lead to from `name`, in whatever order they came. */
function chainFrom(name: Hostname, records: readonly ReadRecord[]): Set<string> {
  const targets = new Map(
    records.filter((record) => record.type === TYPE.CNAME).map((one) => [one.owner, targetOf(one)]),
  )
  const chain = new Set<string>()
  for (
    let at: string | undefined = name;
    at !== undefined && !chain.has(at);
    at = targets.get(at)
  ) {
    chain.add(at)
  }
  return chain
}

const targetOf = (record: ReadRecord) => textOf(readName(record.data, 0)?.labels ?? [])

function wireRecord({ owner, type, ttl, data }: ReadRecord, name: Hostname): WireRecord {
  const host = findHostname(owner)
  return host === undefined || host === name
    ? { type, ttl, data }
    : { owner: encodeHostname(host), type, ttl, data }
}
