import type { IncomingMessage } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { ErrorResponse } from '../identity/wire.ts'

/** What a hono app of ours finds behind a request: Node's own, through @hono/node-server. */
export type HttpEnv = { readonly Bindings: HttpBindings }

/** Nothing that we take is larger. */
const MAX_BODY_BYTES = 16 * 1024

/** Why a request is refused before anybody looks at what it wants. */
export type GuardProblem = 'ERR_HTTP_HOST' | 'ERR_HTTP_TARGET' | 'ERR_HTTP_ORIGIN'

type Head = Pick<IncomingMessage, 'method' | 'rawHeaders' | 'url'>

/**
 * Mounted in front of every app: the request must name one of `hosts` (names and addresses without
 * port, lower case, IPv6 in brackets) once, as its target be a path, and not come from a foreign web
 * page. Bodies are bounded; answers are never cached, framed, sniffed or run.
 */
export function httpGuard(hosts: ReadonlySet<string>): MiddlewareHandler<HttpEnv>[] {
  return [
    async (context, next) => {
      const problem = headProblem(context.env.incoming, hosts)
      setSafeHeaders(context)
      if (problem) return refuse(context, 400, problem, SENTENCE[problem])
      return next()
    },
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (context) => refuse(context, 413, 'ERR_HTTP_BODY', 'the body is too large'),
    }),
  ]
}

function headProblem(
  { method = '', rawHeaders, url = '' }: Head,
  hosts: ReadonlySet<string>,
): GuardProblem | undefined {
  const [host, ...more] = valuesOf(rawHeaders, 'host')
  // RFC 9112 §3.2: more than one is 400. Node takes the first, a proxy before it perhaps the last.
  if (host === undefined || more.length > 0 || !isOneOf(hosts, host)) return 'ERR_HTTP_HOST'
  // An absolute target names a host of its own, which would win over Host (RFC 9112 §3.2.2).
  if (!url.startsWith('/') || url.startsWith('//')) return 'ERR_HTTP_TARGET'
  const origins = valuesOf(rawHeaders, 'origin')
  if (origins.some((origin) => origin.toLowerCase() !== `https://${host.toLowerCase()}`)) {
    return 'ERR_HTTP_ORIGIN'
  }
  return isCrossSite(method, rawHeaders) ? 'ERR_HTTP_ORIGIN' : undefined
}

/** The peer's address: of the connection, never of a header, for no proxy in front is trusted yet. */
export function addressOf(context: Context<HttpEnv>): string {
  return getConnInfo(context).remote.address ?? 'unknown'
}

/** A refusal of everything that is not OAuth: `{ error: { code, message } }`. */
export function refuse(
  context: Context,
  status: 400 | 403 | 404 | 410 | 413 | 415 | 429 | 500 | 503,
  code: string,
  message: string,
): Response {
  const body: ErrorResponse = { error: { code, message } }
  return context.json(body, status)
}

/** Media type of the body, without parameters, lower case. */
export function mediaType(context: Context): string {
  const [type = ''] = (context.req.header('content-type') ?? '').split(';')
  return type.trim().toLowerCase()
}

const SENTENCE: Record<GuardProblem, string> = {
  ERR_HTTP_HOST: 'the request does not name this edge',
  ERR_HTTP_TARGET: "the request's target is not a path",
  ERR_HTTP_ORIGIN: 'requests of other web pages are not answered',
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
}

function isOneOf(hosts: ReadonlySet<string>, host: string): boolean {
  const [, name = ''] = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?$/i.exec(host) ?? []
  return hosts.has(name.toLowerCase())
}

/**
 * https://www.w3.org/TR/fetch-metadata/ : set by browsers, out of a page's reach. Following a link to
 * us is fine, everything else that a page of another site starts is not.
 */
function isCrossSite(method: string, rawHeaders: readonly string[]): boolean {
  const sites = valuesOf(rawHeaders, 'sec-fetch-site')
  if (!sites.some((site) => site === 'cross-site' || site === 'same-site')) return false
  const isLink = valuesOf(rawHeaders, 'sec-fetch-mode').every((mode) => mode === 'navigate')
  return !(isLink && (method === 'GET' || method === 'HEAD'))
}

function setSafeHeaders(context: Context): void {
  context.header('cache-control', 'no-store')
  context.header('x-content-type-options', 'nosniff')
  context.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  context.header('referrer-policy', 'no-referrer')
}
