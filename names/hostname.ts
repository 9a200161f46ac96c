import { toASCII } from 'tr46'

/**
 * A DNS hostname in its one canonical form: lower case, A-labels, no trailing dot, at least one
 * label, each 1 to 63 letters, digits, hyphens or underscores, 253 octets at most, and never an IP
 * literal in any spelling. Only this file makes one, so whoever holds it need not look again.
 */
export type Hostname = string & { readonly __brand: 'Hostname' }

export type HostnameProblem =
  | 'ERR_HOSTNAME_EMPTY'
  | 'ERR_HOSTNAME_TOO_LONG'
  | 'ERR_HOSTNAME_LABEL'
  | 'ERR_HOSTNAME_CHARACTER'
  | 'ERR_HOSTNAME_IDNA'
  | 'ERR_HOSTNAME_IS_ADDRESS'

/** Why a text is not a hostname: a stable `code` and the text (cut to 300 characters) as a field. */
export class HostnameError extends Error {
  override readonly name = 'HostnameError'
  readonly code: HostnameProblem
  readonly text: string
  constructor(code: HostnameProblem, text: string) {
    super(`${EXPLAIN[code]}: ${JSON.stringify(text.slice(0, 300))}`)
    this.code = code
    this.text = text.slice(0, 300)
  }
}

/**
 * Parses what a person or a program wrote. One trailing dot is allowed and dropped, capitals fold,
 * Unicode becomes A-labels (UTS-46, non-transitional, every strict flag on).
 * @throws {HostnameError}
 */
export function parseHostname(text: string): Hostname {
  const read = readHostname(text)
  if (read.kind === 'hostname') return read.hostname
  throw new HostnameError(read.code, text)
}

/** As {@link parseHostname}, but `undefined` instead of an error. */
export function findHostname(text: string): Hostname | undefined {
  const read = readHostname(text)
  return read.kind === 'hostname' ? read.hostname : undefined
}

export type HostnameRead =
  | { readonly kind: 'hostname'; readonly hostname: Hostname }
  | { readonly kind: 'not-a-hostname'; readonly code: HostnameProblem }

/** As {@link parseHostname}, as a variant: for borders where a bad name is an everyday answer. */
export function readHostname(text: string): HostnameRead {
  if (text.length > 1000) return no('ERR_HOSTNAME_TOO_LONG')
  const bare = text.endsWith('.') ? text.slice(0, -1) : text
  if (bare === '') return no('ERR_HOSTNAME_EMPTY')
  if (isPlain(bare)) return check(bare.toLowerCase())
  return readUnicode(bare)
}

/** Whether `name` is `base` or lies below it, by whole labels. */
export function isWithin(name: Hostname, base: Hostname): boolean {
  return name === base || name.endsWith(`.${base}`)
}

/**
 * The host that a service name (`_ldap._tcp.corp.internal`, RFC 2782) is about: the name without its
 * leading labels that begin with an underscore; `undefined` if none is left.
 */
export function hostOfService(name: Hostname): Hostname | undefined {
  if (!name.startsWith('_')) return name
  const host = name.replace(/^(_[^.]*\.)+/, '')
  return host.startsWith('_') ? undefined : findHostname(host)
}

const EXPLAIN: Record<HostnameProblem, string> = {
  ERR_HOSTNAME_EMPTY: 'a hostname is needed',
  ERR_HOSTNAME_TOO_LONG: 'a hostname has 253 characters at most',
  ERR_HOSTNAME_LABEL: 'each label of a hostname has 1 to 63 characters and no hyphen at its ends',
  ERR_HOSTNAME_CHARACTER: 'a hostname has letters, digits, hyphens, underscores and dots only',
  ERR_HOSTNAME_IDNA: 'not a valid international name (IDNA 2008)',
  ERR_HOSTNAME_IS_ADDRESS: 'an address is not a hostname',
}

const no = (code: HostnameProblem): HostnameRead => ({ kind: 'not-a-hostname', code })

const PLAIN = /^[A-Za-z0-9._-]+$/
/** Plain letters-digits-hyphens skip IDNA, but an A-label (`xn--`) must prove to be a true one. */
const isPlain = (text: string) => PLAIN.test(text) && !/(^|\.)xn--/i.test(text)

function readUnicode(text: string): HostnameRead {
  // tr46 maps look-alike dots and full-width letters, so the ASCII check must come after it.
  if (hasForbiddenAscii(text)) return no('ERR_HOSTNAME_CHARACTER')
  // STD3 rules refuse underscores, which real names have: carry them around the mapping.
  const labels = text.split(/[.\u3002\uff0e\uff61]/)
  const mapped: string[] = []
  for (const label of labels) {
    const ascii = mapLabel(label)
    if (ascii === undefined) return no('ERR_HOSTNAME_IDNA')
    mapped.push(ascii)
  }
  return check(mapped.join('.'))
}

function mapLabel(label: string): string | undefined {
  if (label === '') return ''
  if (isPlain(label)) return label.toLowerCase()
  return (
    toASCII(label, {
      checkBidi: true,
      checkHyphens: true,
      checkJoiners: true,
      useSTD3ASCIIRules: true,
      verifyDNSLength: true,
      transitionalProcessing: false,
      ignoreInvalidPunycode: false,
    }) ?? undefined
  )
}

function hasForbiddenAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80 && !PLAIN.test(text[i] ?? '')) return true
  }
  return false
}

function check(name: string): HostnameRead {
  if (name.length > 253) return no('ERR_HOSTNAME_TOO_LONG')
  const labels = name.split('.')
  for (const label of labels) {
    if (label.length < 1 || label.length > 63) return no('ERR_HOSTNAME_LABEL')
    if (label.startsWith('-') || label.endsWith('-')) return no('ERR_HOSTNAME_LABEL')
    if (!/^[a-z0-9_-]+$/.test(label)) return no('ERR_HOSTNAME_CHARACTER')
  }
  if (isNumberLike(labels.at(-1) ?? '')) return no('ERR_HOSTNAME_IS_ADDRESS')
  return { kind: 'hostname', hostname: name as Hostname }
}

/** WHATWG URL "ends in a number": what getaddrinfo would take for an IPv4 address in some spelling. */
const isNumberLike = (label: string) => /^(\d+|0x[0-9a-f]*)$/.test(label)
