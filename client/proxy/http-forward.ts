import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { FlowError } from '../flow-stream.ts'
import type { Destination } from './destination.ts'
import { type Front, sentenceFor } from './front.ts'
import { refusalAnswer } from './http-answer.ts'
import { requestFields, responseFields } from './http-headers.ts'
import { hostField } from './http-request.ts'
import type { OriginAgents } from './origin-agent.ts'
import { codeOfError } from './outcome.ts'
import { routeOf } from './route.ts'

/** One request of a client, and where it goes. */
export interface Forward {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly to: Destination
  readonly path: string
}

/** Forwards a request to its origin and the answer back (RFC 9110 §7.6, RFC 9112 §3.2.2). */
export function serveForward(front: Front, agents: OriginAgents, ask: Forward): void {
  const { incoming, outgoing, to, path } = ask
  const route = routeOf(to, front.routes)
  if (route.kind === 'refused') {
    if (to.kind === 'name') front.onRefused({ ...route, facts: {} }, to)
    refuse(front, ask, route)
    return
  }
  const upstream = request({
    agent: agents.of(incoming.socket),
    host: to.kind === 'name' ? to.name : to.address,
    port: to.port,
    method: incoming.method ?? 'GET',
    path,
    headers: requestFields(incoming, hostField(to)),
  })
  upstream.flushHeaders()
  upstream.on('continue', () => outgoing.writeContinue())
  upstream.on('response', (answer) => giveBack(answer, outgoing))
  upstream.on('error', (error) => fail(front, ask, upstream, error))
  // Nobody asked for it: Upgrade does not pass this hop.
  upstream.on('upgrade', (_answer, stream) => {
    stream.destroy()
    fail(front, ask, upstream, new Error('the origin switched protocols'))
  })
  outgoing.on('close', () => upstream.destroy())
  incoming.pipe(upstream)
}

function giveBack(answer: IncomingMessage, outgoing: ServerResponse): void {
  const fields = responseFields(answer.rawHeaders)
  outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, fields)
  answer.pipe(outgoing)
  // A body that breaks off must not look like a whole one: the client sees its connection break too.
  answer.on('close', () => answer.complete || outgoing.destroy())
}

/**
 * A connection that the origin closed while it was idle fails the next request on it. The client
 * would have seen just that, and knows whether its request may be sent again: we do not.
 */
function fail(front: Front, ask: Forward, upstream: ClientRequest, error: Error): void {
  const { incoming, outgoing } = ask
  incoming.unpipe(upstream)
  incoming.resume()
  if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy()
  else if (upstream.reusedSocket) incoming.socket.resetAndDestroy()
  else refuse(front, ask, endOf(error))
}

function endOf(error: NodeJS.ErrnoException) {
  if (error instanceof FlowError) return error.refusal
  return { code: codeOfError(error), reason: error.message }
}

function refuse(front: Front, { outgoing, to }: Forward, end: ReturnType<typeof endOf>): void {
  const { status, fields, body } = refusalAnswer(end.code, sentenceFor(front, end, to))
  outgoing.writeHead(status, [...fields])
  outgoing.end(body)
}
