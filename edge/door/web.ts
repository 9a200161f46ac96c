import { Hono } from 'hono'
import type { WellKnown } from '../../identity/wire.ts'
import type { Log } from '../../process/log.ts'
import { enrolRoutes } from '../enrol/routes.ts'
import { FailureLimit } from '../failure-limit.ts'
import { type HttpEnv, httpGuard, refuse } from '../http-guard.ts'
import { sessionRoutes } from '../sessions/routes.ts'
import type { Sessions } from '../sessions/session.ts'
import type { Store } from '../store/store.ts'

export interface WebParts {
  /** What a request's Host may say. */
  readonly hosts: ReadonlySet<string>
  readonly wellKnown: () => WellKnown
  readonly sessions: Sessions
  readonly store: Store
  readonly now: () => number
  readonly log: Log
}

/** What the edge answers over HTTP: who it is, sign-in and renewal, enrolment. */
export function webApp(parts: WebParts): Hono<HttpEnv> {
  const { hosts, log } = parts
  const deps = { ...parts, failures: new FailureLimit() }
  const app = new Hono<HttpEnv>()
  app.use(...httpGuard(hosts))
  app.route('/', sessionRoutes(deps))
  app.route('/', enrolRoutes(deps))
  app.notFound((context) => refuse(context, 404, 'ERR_HTTP_NOT_FOUND', 'there is nothing here'))
  app.onError((error, context) => {
    log.error({ event: 'http-failed', err: error }, 'a request failed')
    return refuse(context, 500, 'ERR_INTERNAL', 'the edge failed')
  })
  return app
}
