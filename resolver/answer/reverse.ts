import type { Hostname } from '../../names/hostname.ts'

/**
 * The address (4 or 16 octets) whose reverse name this is, `in-addr.arpa` (RFC 1035 §3.5) or
 * `ip6.arpa` (RFC 3596 §2.5); `undefined` for any other name and for a part of one.
 */
export function addressOfReverse(name: Hostname): Uint8Array | undefined {
  if (name.endsWith('.in-addr.arpa')) return octetsOf(name.slice(0, -13).split('.'))
  if (name.endsWith('.ip6.arpa')) return nibblesOf(name.slice(0, -9).split('.'))
  return undefined
}

function octetsOf(labels: readonly string[]): Uint8Array | undefined {
  const isAddress = labels.length === 4 && labels.every((label) => /^(0|[1-9]\d{0,2})$/.test(label))
  const octets = labels.map(Number).reverse()
  return isAddress && octets.every((octet) => octet < 256) ? Uint8Array.from(octets) : undefined
}

function nibblesOf(labels: readonly string[]): Uint8Array | undefined {
  if (labels.length !== 32 || !labels.every((label) => /^[0-9a-f]$/.test(label))) return undefined
  return Uint8Array.from(Buffer.from(labels.toReversed().join(''), 'hex'))
}
