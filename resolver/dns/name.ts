import { findHostname, type Hostname, hostOfService } from '../../names/hostname.ts'

/** RFC 1035 §2.3.4: a name on the wire has 255 octets at most, the root's zero included. */
export const MAX_NAME_BYTES = 255
const MAX_LABEL_BYTES = 63
/** A name has 127 labels at most, so an honest one never follows more pointers. */
const MAX_POINTERS = 127

/** A name as it stood in a message: its labels' octets, and the offset after it (or its pointer). */
export interface WireName {
  readonly labels: readonly Uint8Array[]
  readonly end: number
}

/**
 * Reads a name, following compression pointers (RFC 1035 §4.1.4), each of which must point before
 * the place it stands at and before the pointer that led there: so none can loop. `undefined` if it
 * is no name.
 */
export function readName(bytes: Uint8Array, start: number): WireName | undefined {
  const labels: Uint8Array[] = []
  let at = start
  let end = -1
  let size = 1
  let floor = start
  for (let pointers = 0; ; ) {
    const length = bytes[at]
    if (length === undefined) return undefined
    if (length === 0) return { labels, end: end < 0 ? at + 1 : end }
    if (length >= 0xc0) {
      const target = pointerAt(bytes, at)
      if (target >= floor || ++pointers > MAX_POINTERS) return undefined
      if (end < 0) end = at + 2
      floor = target
      at = target
      continue
    }
    size += length + 1
    if (length > MAX_LABEL_BYTES || size > MAX_NAME_BYTES) return undefined
    if (at + 1 + length > bytes.length) return undefined
    labels.push(bytes.subarray(at + 1, at + 1 + length))
    at += length + 1
  }
}

/** The offset after the name at `start`, checked as by {@link readName}; -1 if it is no name. */
export function skipName(bytes: Uint8Array, start: number): number {
  return readName(bytes, start)?.end ?? -1
}

/** The octets of a name without compression: what travels in RDATA and as an owner. */
export function encodeLabels(labels: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(labels.reduce((sum, label) => sum + label.length + 1, 1))
  let at = 0
  for (const label of labels) {
    bytes[at] = label.length
    bytes.set(label, at + 1)
    at += label.length + 1
  }
  return bytes
}

/** The octets of a hostname; the empty text is the root. */
export function encodeHostname(name: Hostname | ''): Uint8Array {
  if (name === '') return Uint8Array.of(0)
  return encodeLabels(name.split('.').map((label) => Buffer.from(label, 'latin1')))
}

/**
 * The text of a wire name, lower case, without the final dot, or `undefined` where a label has any
 * octet but letters, digits, hyphens and underscores: a label may hold dots and NULs, and joined to
 * a text it would pass for another name (`db.corp` as one label).
 */
export function textOf(labels: readonly Uint8Array[]): string | undefined {
  const parts: string[] = []
  for (const label of labels) {
    const text = labelText(label)
    if (text === undefined) return undefined
    parts.push(text)
  }
  return parts.join('.')
}

/** What a name that was asked about is to us. `not-a-hostname`: `tail` is the longest end of it that is one. */
export type AskedName =
  | { readonly kind: 'hostname'; readonly name: Hostname; readonly base: Hostname | undefined }
  | { readonly kind: 'not-a-hostname'; readonly tail: Hostname | undefined }
  | { readonly kind: 'root' }

/**
 * `base` is the name without its leading underscore labels (`_ldap._tcp.corp.internal` is asked
 * about `corp.internal`; RFC 8552), `undefined` if nothing else is left.
 */
export function askedName(labels: readonly Uint8Array[]): AskedName {
  if (labels.length === 0) return { kind: 'root' }
  const text = textOf(labels)
  const name = text === undefined ? undefined : findHostname(text)
  if (name !== undefined) return { kind: 'hostname', name, base: hostOfService(name) }
  return { kind: 'not-a-hostname', tail: tailOf(labels) }
}

function tailOf(labels: readonly Uint8Array[]): Hostname | undefined {
  let tail: Hostname | undefined
  for (let from = labels.length - 1; from > 0; from--) {
    const text = textOf(labels.slice(from))
    const name = text === undefined ? undefined : findHostname(text)
    if (name === undefined) break
    tail = name
  }
  return tail
}

function labelText(label: Uint8Array): string | undefined {
  let text = ''
  for (let i = 0; i < label.length; i++) {
    const char = LETTERS[label[i] ?? 0]
    if (char === undefined) return undefined
    text += char
  }
  return text
}

/** By octet: the lower-case character that may stand in a hostname, or nothing. */
const LETTERS: readonly (string | undefined)[] = Array.from({ length: 256 }, (_, octet) => {
  const char = String.fromCharCode(octet)
  return /[A-Za-z0-9_-]/.test(char) ? char.toLowerCase() : undefined
})

function pointerAt(bytes: Uint8Array, at: number): number {
  const low = bytes[at + 1]
  return low === undefined ? bytes.length : (((bytes[at] ?? 0) & 0x3f) << 8) | low
}
