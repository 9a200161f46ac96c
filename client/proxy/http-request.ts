import { type Destination, formatDestination, readAuthority } from './destination.ts'

/** The head of a request as node's parser read it. */
export interface RequestHead {
  /** `1.1` */
  readonly version: string
  readonly method: string
  readonly target: string
  /** Flat name, value, name, value … as received. */
  readonly rawHeaders: readonly string[]
}

/** What a request to the proxy port is. */
export type HttpWanted =
  | { readonly kind: 'forward'; readonly to: Destination; readonly path: string }
  | { readonly kind: 'connect'; readonly to: Destination }
  | { readonly kind: 'pac' }
  | { readonly kind: 'page'; readonly why: string }
  | { readonly kind: 'bad'; readonly status: 400 | 501 | 505; readonly why: string }

/**
 * Tells proxy requests from those that a web page can make. A page's fetch, form, image or WebSocket
 * always asks in origin-form (`GET /path`), which only a server is asked in: nothing but the PAC file
 * answers to that, and only when the Host is our own address (a rebound name is not) and no header
 * shows a page behind it. `own` is the listener's address, `127.0.0.1:1080`.
 */
export function readHttp(head: RequestHead, own: string): HttpWanted {
  const framing = checkFraming(head)
  if (framing) return framing
  if (head.method === 'CONNECT') return readConnect(head.target)
  if (/^[a-z][a-z0-9+.-]*:/i.test(head.target)) return readAbsolute(head.target)
  return readOrigin(head, own)
}

/** The values of one field, in order; names compare without case. */
export function fieldValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
}

/**
 * node's parser (llhttp, strict) has refused length conflicts, bare CR, obs-fold and odd chunks
 * already. What it lets through and two servers could read in two ways is refused here.
 */
function checkFraming({ version, rawHeaders }: RequestHead): HttpWanted | undefined {
  // The parser takes HTTP/0.9, which ends at its first line: what follows would be the next request.
  if (version !== '1.1' && version !== '1.0')
    return { kind: 'bad', status: 505, why: 'HTTP/1 only' }
  if (fieldValues(rawHeaders, 'host').length > 1) return bad('more than one Host')
  if (fieldValues(rawHeaders, 'content-length').length > 1) return bad('more than one length')
  const codings = fieldValues(rawHeaders, 'transfer-encoding')
  if (codings.length === 0) return undefined
  if (codings.length > 1) return bad('more than one Transfer-Encoding')
  if (fieldValues(rawHeaders, 'content-length').length > 0) return bad('two kinds of length')
  if (codings[0]?.toLowerCase() === 'chunked') return undefined
  return { kind: 'bad', status: 501, why: 'no transfer coding but chunked is supported' }
}

function readConnect(target: string): HttpWanted {
  const to = readAuthority(target)
  return to.kind === 'bad' ? bad(to.reason) : { kind: 'connect', to }
}

/** RFC 9112 §3.2.2. What the Host field says is replaced by the target's when it is forwarded. */
function readAbsolute(target: string): HttpWanted {
  const match = /^http:\/\/([^/?#@\\]+)((?:[/?][^#]*)?)$/i.exec(target)
  if (!match) return bad('only http:// URLs without user and fragment; for https use CONNECT')
  const to = readAuthority(match[1] ?? '', 80)
  if (to.kind === 'bad') return bad(to.reason)
  const path = match[2] ?? ''
  return { kind: 'forward', to, path: path.startsWith('/') ? path : `/${path}` }
}

function readOrigin({ method, target, rawHeaders }: RequestHead, own: string): HttpWanted {
  if (target !== '/proxy.pac' || (method !== 'GET' && method !== 'HEAD')) {
    return page('this port is a proxy, not a web server')
  }
  if (fieldValues(rawHeaders, 'host')[0] !== own) return page(`the Host is not ${own}`)
  for (const name of ['origin', 'referer']) {
    if (fieldValues(rawHeaders, name).length > 0) return page(`${name} is set`)
  }
  const site = fieldValues(rawHeaders, 'sec-fetch-site')
  if (site.some((value) => value !== 'none')) return page('sec-fetch-site is not none')
  return { kind: 'pac' }
}

/** The Host field for an origin: the port is left out where it is the scheme's own. */
export function hostField(to: Destination): string {
  const whole = formatDestination(to)
  return to.port === 80 ? whole.slice(0, -3) : whole
}

const bad = (why: string): HttpWanted => ({ kind: 'bad', status: 400, why })
const page = (why: string): HttpWanted => ({ kind: 'page', why })
