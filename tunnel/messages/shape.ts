import { TunnelError } from '../codes.ts'
import type { Facts } from '../flow.ts'

/**
 * Hand-written, bounded checks of what a peer's JSON says. Each gives the value with its type or
 * throws TunnelError `protocol-error` naming the field. Unknown keys are ignored: later peers say more.
 */
export type Fields = Readonly<Record<string, unknown>>

/** @throws TunnelError `protocol-error` */
export function readJson(body: Uint8Array): Fields {
  let value: unknown
  try {
    value = JSON.parse(UTF8.decode(body))
  } catch {
    throw wrong('body', 'JSON in UTF-8')
  }
  return fields(value, 'body')
}

export function writeJson(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

export function fields(value: unknown, key: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(key, 'an object')
  }
  return value as Fields
}

export function text(from: Fields, key: string, maxLength: number): string {
  const value = from[key]
  if (typeof value !== 'string' || value.length > maxLength) {
    throw wrong(key, `a text of at most ${maxLength} characters`)
  }
  return value
}

export function optionalText(from: Fields, key: string, maxLength: number): string | undefined {
  return from[key] === undefined ? undefined : text(from, key, maxLength)
}

/** A whole number between `least` and `most`, both included. */
export function whole(from: Fields, key: string, least: number, most: number): number {
  const value = from[key]
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    throw wrong(key, `a whole number from ${least} to ${most}`)
  }
  return value as number
}

export function flag(from: Fields, key: string): boolean {
  const value = from[key]
  if (typeof value !== 'boolean') throw wrong(key, 'true or false')
  return value
}

export function oneOf<T extends string>(from: Fields, key: string, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === from[key])
  if (found === undefined) throw wrong(key, allowed.join(' | '))
  return found
}

export function list<T>(
  from: Fields,
  key: string,
  maxLength: number,
  read: (item: unknown) => T,
): T[] {
  const value = from[key]
  if (!Array.isArray(value) || value.length > maxLength) {
    throw wrong(key, `a list of at most ${maxLength}`)
  }
  return value.map(read)
}

export function textList(from: Fields, key: string, maxLength: number, maxText: number): string[] {
  return list(from, key, maxLength, (item) => text({ [key]: item }, key, maxText))
}

/** Base64url of exactly `length` bytes. */
export function bytes(from: Fields, key: string, length: number): Uint8Array {
  const value = from[key]
  if (typeof value !== 'string' || value.length > length * 2) throw wrong(key, `${length} bytes`)
  const read = Buffer.from(value, 'base64url')
  if (read.length !== length || read.toString('base64url') !== value) {
    throw wrong(key, `base64url of ${length} bytes`)
  }
  return new Uint8Array(read)
}

export const base64url = (value: Uint8Array): string => Buffer.from(value).toString('base64url')

/** Flat facts: at most 64, keys to 64 characters, texts to 512. */
export function facts(from: Fields, key: string): Facts {
  const entries = Object.entries(fields(from[key], key))
  if (entries.length > 64) throw wrong(key, 'at most 64 facts')
  for (const [name, value] of entries) {
    if (name.length > 64 || !isFact(value)) throw wrong(key, 'short texts, numbers and booleans')
  }
  return Object.fromEntries(entries) as Facts
}

function isFact(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= 512
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
}

export function wrong(key: string, expected: string): TunnelError {
  return new TunnelError('protocol-error', `${key} must be ${expected}`, { field: key })
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })
