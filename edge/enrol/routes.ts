import { type Context, Hono } from 'hono'
import { type EnrolResponse, PATHS, type WellKnown } from '../../identity/wire.ts'
import { formatPattern } from '../../names/pattern.ts'
import type { Log } from '../../process/log.ts'
import type { FailureLimit } from '../failure-limit.ts'
import { addressOf, type HttpEnv, mediaType, refuse } from '../http-guard.ts'
import { type Store, StoreError } from '../store/store.ts'
import { type ConnectorRecord, EnrolError } from './connector.ts'
import { enrol } from './enrol.ts'

export interface EnrolRouteDeps {
  readonly store: Store
  readonly wellKnown: () => WellKnown
  /** Shared by all routes of an edge. */
  readonly failures: FailureLimit
  readonly now: () => number
  readonly log: Log
}

/** POST /connector/enrol (docs/identity.md). To be mounted behind httpGuard. */
export function enrolRoutes(deps: EnrolRouteDeps): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>()
  app.post(PATHS.enrol, (context) => answerEnrol(context, deps))
  return app
}

async function answerEnrol(context: Context<HttpEnv>, deps: EnrolRouteDeps): Promise<Response> {
  const { store, failures, now, log } = deps
  const from = addressOf(context)
  const waitMs = failures.waitMs(from, now())
  if (waitMs > 0) {
    context.header('retry-after', String(Math.ceil(waitMs / 1000)))
    return refuse(context, 429, 'ERR_RATE_LIMITED', 'too many requests of this address have failed')
  }
  try {
    const record = await enrol(await readJson(context), from, { store, now })
    const { id, name } = record
    log.info({ event: 'connector-enrolled', connectorId: id, connector: name, from }, 'enrolled')
    return context.json(responseOf(record, deps.wellKnown()))
  } catch (error) {
    return answerFailure(context, error, from, deps)
  }
}

async function readJson(context: Context<HttpEnv>): Promise<unknown> {
  if (mediaType(context) === 'application/json') {
    const text = await context.req.text()
    try {
      return JSON.parse(text)
    } catch {}
  }
  throw new EnrolError('ERR_ENROL_REQUEST', 400, 'the body must be JSON (application/json)')
}

function responseOf({ id, name, grants }: ConnectorRecord, about: WellKnown): EnrolResponse {
  const { deployment, edgeName, caPem } = about
  const patterns = grants.map(formatPattern)
  return { schema: 1, connectorId: id, name, grants: patterns, deployment, edgeName, caPem }
}

function answerFailure(
  context: Context<HttpEnv>,
  error: unknown,
  from: string,
  { failures, now, log }: EnrolRouteDeps,
): Response {
  if (error instanceof EnrolError) {
    const { code, status, message } = error
    failures.failed(from, now())
    log.warn({ event: 'enrolment-refused', code, from }, `a connector was not enrolled: ${message}`)
    return refuse(context, status, code, message)
  }
  log.error({ event: 'enrolment-failed', err: error }, 'an enrolment failed')
  const code = error instanceof StoreError ? error.code : 'ERR_INTERNAL'
  return refuse(context, 503, code, 'the edge cannot enrol now')
}
