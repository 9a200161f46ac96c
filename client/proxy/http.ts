import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { readBasic } from './credential.ts'
import { farewell } from './farewell.ts'
import type { Front } from './front.ts'
import { answer, credentialAnswer, formatAnswer, type OwnAnswer, pacAnswer } from './http-answer.ts'
import { serveConnect } from './http-connect.ts'
import { serveForward } from './http-forward.ts'
import { fieldValues, type HttpWanted, readHttp } from './http-request.ts'
import { makeAgents, type OriginAgents } from './origin-agent.ts'
import { pacFile } from './pac.ts'

export function makeHttpServer(): Server {
  return createServer({
    maxHeaderSize: 64 * 1024,
    headersTimeout: 10_000,
    // An upload may take its time: slow heads are what costs, and they have the bound above.
    requestTimeout: 0,
    keepAliveTimeout: 60_000,
    insecureHTTPParser: false,
  })
}

/** Answers proxy requests, and the one for the PAC file. */
export function answerHttp(server: Server, front: Front): void {
  const agents = makeAgents(front)
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) =>
    serve(front, agents, incoming, outgoing)
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('connect', (incoming, socket, head) =>
    serveTunnel(front, incoming, socket as Socket, head),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy()
    else if (condemned.has(socket)) farewell(socket as Socket, '')
    else farewell(socket as Socket, formatAnswer(answer(400, `not a request (${error.code})`)))
  })
}

function serve(
  front: Front,
  agents: OriginAgents,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  if (condemned.has(incoming.socket)) return
  const wanted = readRequest(front, incoming)
  const refusal = refusalOf(front, incoming, wanted)
  if (refusal) refuse(incoming.socket, outgoing, refusal)
  else if (wanted.kind === 'pac') end(outgoing, pac(front))
  else if (wanted.kind === 'forward') serveForward(front, agents, { incoming, outgoing, ...wanted })
}

function serveTunnel(front: Front, incoming: IncomingMessage, socket: Socket, head: Buffer): void {
  const wanted = readRequest(front, incoming)
  const refusal = condemned.has(socket) ? NOT_READ : refusalOf(front, incoming, wanted)
  if (refusal) farewell(socket, formatAnswer(refusal))
  else if (wanted.kind === 'connect') serveConnect(front, socket, wanted.to, head)
}

function readRequest(front: Front, incoming: IncomingMessage): HttpWanted {
  const { httpVersion: version, method = '', url: target = '', rawHeaders } = incoming
  return readHttp({ version, method, target, rawHeaders }, front.own)
}

/** Why a request goes no further, if it does not: what it is, then who sends it. */
function refusalOf(
  front: Front,
  { rawHeaders }: IncomingMessage,
  wanted: HttpWanted,
): OwnAnswer | undefined {
  switch (wanted.kind) {
    case 'bad':
      return answer(wanted.status, wanted.why)
    case 'page':
      front.counts.webPage++
      logPage(front, wanted.why)
      return answer(403, `${wanted.why}. Set it as the proxy, or ask http://${front.own}/proxy.pac`)
    case 'pac':
      return hasCredential(front, rawHeaders, 'authorization') ? undefined : credentialAnswer(false)
    case 'connect':
    case 'forward': {
      const has = hasCredential(front, rawHeaders, 'proxy-authorization')
      return has ? undefined : credentialAnswer(true)
    }
  }
}

/** A page can ask without end: the log says it once aloud, `byname status` counts. */
function logPage({ counts, log }: Front, why: string): void {
  const write = counts.webPage === 1 ? log.warn : log.debug
  write.call(log, { event: 'web-page-refused', why }, `a web page, or a mistake: ${why}`)
}

function hasCredential(front: Front, rawHeaders: readonly string[], field: string): boolean {
  if (!front.check) return true
  const values = fieldValues(rawHeaders, field)
  const given = values.length === 1 ? readBasic(values[0]) : undefined
  if (given && front.check(given.user, given.password)) return true
  front.counts.noCredential++
  return false
}

function pac(front: Front): OwnAnswer {
  const { catalog } = front.way
  if (!catalog) return answer(503, 'the edge has not yet said which names are byname’s')
  return pacAnswer(pacFile(catalog, front.own))
}

/**
 * Connections on which a request was refused. Nothing behind it is a request: it may be the body that
 * somebody else chose, and the parser gives it to us before the connection is closed.
 */
const condemned = new WeakSet<object>()
const NOT_READ = answer(400, 'a request before this one was refused')

function refuse(socket: object, outgoing: ServerResponse, refusal: OwnAnswer): void {
  condemned.add(socket)
  end(outgoing, { ...refusal, fields: [...refusal.fields, 'Connection', 'close'] })
}

function end(outgoing: ServerResponse, { status, fields, body }: OwnAnswer): void {
  outgoing.writeHead(status, [...fields])
  outgoing.end(body)
}
