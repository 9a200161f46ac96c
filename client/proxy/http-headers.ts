import { fieldValues } from './http-request.ts'

/** RFC 9110 §7.6.1, and the fields that are between the client and this proxy only. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Framing and routing are ours: a `Connection: content-length` must not take them away. */
const NEVER_DROPPED = new Set(['content-length', 'host'])

/** The end-to-end fields of a message, flat name and value, with what `Connection` names left out. */
export function endToEnd(rawHeaders: readonly string[]): string[] {
  const named = fieldValues(rawHeaders, 'connection')
    .flatMap((value) => value.toLowerCase().split(','))
    .map((token) => token.trim())
    .filter((token) => !NEVER_DROPPED.has(token))
  const dropped = new Set([...HOP_BY_HOP, ...named])
  return pairsOf(rawHeaders)
    .filter(([name]) => !dropped.has(name.toLowerCase()))
    .flat()
}

/**
 * What goes to the origin: the Host that was judged, the framing that the client used, and Via
 * (§7.6.3). A request without a body says so where a method usually has one (RFC 9112 §6.3).
 */
export function requestFields(
  { method, rawHeaders }: { method?: string | undefined; rawHeaders: readonly string[] },
  host: string,
): string[] {
  const fields = pairsOf(endToEnd(rawHeaders)).filter(([name]) => name.toLowerCase() !== 'host')
  return [['Host', host], ...fields, ...framing(method ?? 'GET', rawHeaders), VIA].flat()
}

function framing(method: string, rawHeaders: readonly string[]): string[][] {
  if (fieldValues(rawHeaders, 'transfer-encoding').length > 0) {
    return [['Transfer-Encoding', 'chunked']]
  }
  const hasLength = fieldValues(rawHeaders, 'content-length').length > 0
  return hasLength || !['POST', 'PUT', 'PATCH'].includes(method) ? [] : [['Content-Length', '0']]
}

/** What goes back to the client. */
export function responseFields(rawHeaders: readonly string[]): string[] {
  return [...endToEnd(rawHeaders), ...VIA]
}

const VIA = ['Via', '1.1 byname']

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  return rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ''] as [string, string]] : [],
  )
}
