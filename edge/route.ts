import { formatRequester } from '../policy/requester.ts'
import { Bucket } from '../tunnel/bucket.ts'
import { TunnelError } from '../tunnel/codes.ts'
import type { OpenedInfo } from '../tunnel/flow.ts'
import { writeContext } from '../tunnel/messages/open-context.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { RelayFlow, RelayFlowEnd, RelayTunnel } from '../tunnel/relay.ts'
import type { FlowLog } from './flows/log.ts'
import { factsOf, type OpenRecord, shortText } from './flows/record.ts'
import type { Cut } from './gate/live.ts'
import { type Denial, deny, TOLD_CHARACTERS } from './gate/verdict.ts'
import type { Gate, Grant } from './gate.ts'
import type { Counts } from './metrics.ts'
import type { Enrolled, Picked, Registry } from './registry.ts'

export interface RouteOptions {
  readonly gate: Pick<Gate, 'enter' | 'leave'>
  readonly registry: Pick<Registry<RelayTunnel>, 'pick'>
  readonly flows: Pick<FlowLog, 'opened' | 'ended'>
  readonly counts: Pick<Counts, 'opened' | 'ended'>
  readonly clock: TunnelClock
}

/** Leads granted flows to a connector, and keeps the books until they end. */
export class Route {
  readonly #options: RouteOptions
  readonly #cutsTold = new WeakMap<RelayTunnel, Bucket>()

  constructor(options: RouteOptions) {
    this.#options = options
  }

  /**
   * Opens the flow at some connector that offers it, or says why it cannot. Another tunnel is tried
   * only while no connector has seen the OPEN: what was sent once is never sent twice.
   */
  open(flow: RelayFlow, grant: Grant, gateMicros: number): Denial | undefined {
    const { name, port, protocol } = grant.request
    const gone = new Set<RelayTunnel>()
    for (;;) {
      const picked = this.#options.registry.pick(name, port, protocol, gone)
      if (picked.kind !== 'picked') return NOWHERE[picked.kind]
      if (this.#connect(flow, grant, picked, gateMicros)) return undefined
      gone.add(picked.tunnel)
    }
  }

  /** @returns false when that tunnel was gone before anything was sent over it */
  #connect(flow: RelayFlow, grant: Grant, { tunnel, connector }: Chosen, gateMicros: number) {
    let endedAtOnce: RelayFlowEnd | undefined
    flow.handlers = {
      closed: (end) => {
        endedAtOnce = end
      },
    }
    try {
      flow.connect(tunnel, contextOf(grant), gateMicros)
    } catch (error) {
      if (error instanceof TunnelError) return false
      throw error
    }
    this.#enter(flow, grant, connector, gateMicros)
    // An OPEN too much for a tunnel that does not read ends both; nobody else would take it out again.
    if (endedAtOnce) flow.handlers.closed(endedAtOnce)
    return true
  }

  #enter(flow: RelayFlow, grant: Grant, connector: Enrolled, gateMicros: number): void {
    const { gate, flows, counts } = this.#options
    const { flowId } = flow
    const { id, name } = connector
    const { rule, request } = grant
    const record: OpenRecord = {
      ...factsOf(flowId, request),
      kind: 'open',
      rule: shortText(rule),
      connector: { id, name },
      gateMicros,
    }
    let info: OpenedInfo | undefined
    flow.handlers = {
      opened: (opened) => {
        info = opened
      },
      closed: (end) => this.#leave(record, end, info),
    }
    gate.enter(grant, { flowId, connectorId: id, cut: (cut) => this.#cut(flow, cut) })
    flows.opened(record)
    counts.opened()
  }

  /** RESET at both ends; the client is also told the rule, as long as that does not flood it. */
  #cut(flow: RelayFlow, cut: Cut): void {
    const { flowId, source } = flow
    const [code, reason] = [cut.code, cut.reason.slice(0, TOLD_CHARACTERS)]
    const rule = cut.rule?.slice(0, TOLD_CHARACTERS)
    flow.reset(code, reason)
    if (!this.#mayTell(source)) return
    source.send({ kind: 'cut', flowId, code, reason, ...(rule === undefined ? {} : { rule }) })
  }

  #mayTell(client: RelayTunnel): boolean {
    const now = this.#options.clock.now()
    const bucket = this.#cutsTold.get(client) ?? new Bucket(...CUTS_TOLD, now)
    this.#cutsTold.set(client, bucket)
    return bucket.take(now)
  }

  #leave(record: OpenRecord, end: RelayFlowEnd, info: OpenedInfo | undefined): void {
    const { gate, flows, counts, clock } = this.#options
    const { flowId, gateMicros: gateCost } = record
    gate.leave(flowId)
    const micros = {
      gate: gateCost,
      ...(info && {
        relay: info.relayMicros,
        resolve: info.resolveMicros,
        connect: info.connectMicros,
      }),
    }
    const { code, reason, by, bytesUp, bytesDown } = end
    const told = { code, reason, by, bytesUp, bytesDown, micros, time: clock.now() }
    const held = info ? { instance: info.instance } : {}
    flows.ended(record, { schema: 1, kind: 'end', flowId, ...told, ...held })
    counts.ended(end)
  }
}

/** A client closes its tunnel over more control messages than DEFAULT_RATES has (tunnel/limits.ts). */
const CUTS_TOLD = [200, 1000] as const

/** What the connector is told, within the bounds of its reader (tunnel/messages/open-context.ts). */
function contextOf({ request, rule }: Grant): Uint8Array {
  const { who, session } = request
  const label = formatRequester(who).slice(0, 320)
  return writeContext({
    who: { kind: who.kind, label },
    rule: rule.slice(0, TOLD_CHARACTERS),
    session,
  })
}

type Chosen = Extract<Picked<RelayTunnel>, { kind: 'picked' }>

const NOWHERE: Record<Exclude<Picked<RelayTunnel>['kind'], 'picked'>, Denial> = {
  'no-such-name': deny('no-such-name', 'nobody publishes that name'),
  'not-published': deny('not-published', 'nobody publishes that port'),
  'connector-down': deny('connector-down', 'no connector that publishes it is connected'),
}
