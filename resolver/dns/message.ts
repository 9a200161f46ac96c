import { readName, skipName } from './name.ts'
import { FLAG, HEADER_BYTES, u16, u32 } from './question.ts'
import { TYPE } from './type.ts'

/** Where a record of a message lies: offsets, so that the message may be sent on unchanged. */
export interface RecordAt {
  readonly start: number
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly ttlAt: number
  readonly dataAt: number
  readonly dataBytes: number
}

/** A response whose every section was walked: all names and lengths lie within the message. */
export interface Message {
  readonly bytes: Uint8Array
  readonly flags: number
  /** With the high bits that OPT carries (RFC 6891 §6.1.3). */
  readonly rcode: number
  readonly questionEnd: number
  readonly answers: readonly RecordAt[]
  readonly authority: readonly RecordAt[]
  /** Without OPT, and without what comes after it. */
  readonly additional: readonly RecordAt[]
  /** Offset after the last record of `additional`. */
  readonly end: number
}

/** Walks a response with one question; `undefined` if any part of it is malformed. */
export function readMessage(bytes: Uint8Array): Message | undefined {
  if (bytes.length < HEADER_BYTES || u16(bytes, 4) !== 1) return undefined
  const nameEnd = skipName(bytes, HEADER_BYTES)
  const questionEnd = nameEnd + 4
  if (nameEnd < 0 || questionEnd > bytes.length) return undefined
  const records = readRecords(bytes, questionEnd, u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10))
  return records && sortSections(bytes, questionEnd, records)
}

/** The labels of a record's owner. */
export function ownerLabels(bytes: Uint8Array, record: RecordAt): readonly Uint8Array[] {
  return readName(bytes, record.start)?.labels ?? []
}

function sortSections(bytes: Uint8Array, questionEnd: number, records: RecordAt[]): Message {
  const [answers, authority] = [u16(bytes, 6), u16(bytes, 8)]
  const extra = records.slice(answers + authority)
  const optAt = extra.findIndex((record) => record.type === TYPE.OPT)
  const additional = optAt < 0 ? extra : extra.slice(0, optAt)
  const opt = extra[optAt]
  const last = records[answers + authority + additional.length - 1]
  return {
    bytes,
    flags: u16(bytes, 2),
    rcode: (u16(bytes, 2) & 0xf) | (opt ? (opt.ttl >>> 24) << 4 : 0),
    questionEnd,
    answers: records.slice(0, answers),
    authority: records.slice(answers, answers + authority),
    additional,
    end: last ? last.dataAt + last.dataBytes : questionEnd,
  }
}

function readRecords(bytes: Uint8Array, start: number, count: number): RecordAt[] | undefined {
  const records: RecordAt[] = []
  let at = start
  for (let i = 0; i < count; i++) {
    const record = readRecord(bytes, at)
    if (record === undefined) return undefined
    records.push(record)
    at = record.dataAt + record.dataBytes
  }
  return at === bytes.length ? records : undefined
}

function readRecord(bytes: Uint8Array, start: number): RecordAt | undefined {
  const at = skipName(bytes, start)
  if (at < 0 || at + 10 > bytes.length) return undefined
  const dataBytes = u16(bytes, at + 8)
  if (at + 10 + dataBytes > bytes.length) return undefined
  return {
    start,
    type: u16(bytes, at),
    class: u16(bytes, at + 2),
    ttl: u32(bytes, at + 4),
    ttlAt: at + 4,
    dataAt: at + 10,
    dataBytes,
  }
}

/** Whether the server cut the message because it did not fit. */
export const isTruncated = (message: Message) => (message.flags & FLAG.truncated) !== 0
