import type { DnsRecord, Resolve, Resolved } from '../control.ts'
import { hostname } from './names.ts'
import { type Fields, fields, list, oneOf, optionalText, text, whole } from './shape.ts'

const MAX_RECORDS = 256
const MAX_ID = 0xffffffff
const ANSWERS = ['exists', 'absent', 'no-data', 'failed', 'refused'] as const

export function readResolve(body: Fields): Resolve {
  return {
    kind: 'resolve',
    id: whole(body, 'id', 0, MAX_ID),
    name: hostname(body, 'name'),
    type: text(body, 'type', 16),
  }
}

export function readResolved(body: Fields): Resolved {
  const reason = optionalText(body, 'reason', 256)
  return {
    kind: 'resolved',
    id: whole(body, 'id', 0, MAX_ID),
    answer: oneOf(body, 'answer', ANSWERS),
    ttlSeconds: whole(body, 'ttlSeconds', 0, 0x7fffffff),
    records: body.records === undefined ? [] : list(body, 'records', MAX_RECORDS, readRecord),
    ...(reason === undefined ? {} : { reason }),
  }
}

function readRecord(item: unknown): DnsRecord {
  const record = fields(item, 'records')
  return {
    name: text(record, 'name', 1024),
    type: text(record, 'type', 16),
    ttl: whole(record, 'ttl', 0, 0x7fffffff),
    dataBase64: text(record, 'dataBase64', 87_384),
  }
}
