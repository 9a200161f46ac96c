import { connect } from 'node:net'
import type { Flow, FlowHandlers, FlowTarget } from '../../client/flow.ts'
import type { Way } from '../../client/way.ts'
import { type Catalog, Ownership } from '../../resolver/catalog.ts'
import type { ResetCode } from '../../tunnel/codes.ts'

/** What becomes of a flow to a name: a real connection to a port of this machine, or a refusal. */
export type Plan =
  | { readonly to: number }
  | { readonly refuse: ResetCode; readonly reason: string }
  | { readonly sends: string; readonly thenReset: ResetCode }

export const CATALOG: Catalog & { kind: 'catalog'; revision: number; entries: never[] } = {
  kind: 'catalog',
  revision: 1,
  zones: ['corp.internal'],
  entries: [],
}

export interface WayDouble extends Pick<Way, 'open' | 'person' | 'ownership' | 'catalog'> {
  /** Every flow that was asked for. */
  readonly asked: FlowTarget[]
}

/** A Way without tunnel: flows by name as planned; a name without a plan is `policy-denied`. */
export function doubleWay(
  plans: Record<string, Plan>,
  ports: readonly number[] = [80, 443, 5432],
): WayDouble {
  const asked: FlowTarget[] = []
  const catalog = {
    ...CATALOG,
    entries: Object.keys(plans).map((pattern) => ({
      pattern,
      owned: true,
      ports: ports.map((port) => ({ from: port, to: port, protocol: 'tcp' as const })),
    })),
  }
  return {
    asked,
    catalog,
    ownership: new Ownership({ kept: catalog }),
    person: { email: 'bob@example.com', subject: 'bob' },
    open(target, handlers) {
      asked.push(target)
      const plan = plans[target.name] ?? { refuse: 'policy-denied', reason: 'no rule allows it' }
      if ('refuse' in plan) return refusedFlow(plan, handlers)
      if ('sends' in plan) return brokenFlow(plan, handlers)
      return socketFlow(plan.to, handlers)
    },
  }
}

const OPENED = {
  instance: 'hq-0000',
  gateMicros: 10,
  relayMicros: 20,
  resolveMicros: 30,
  connectMicros: 40,
}

function refusedFlow(
  { refuse: code, reason }: { refuse: ResetCode; reason: string },
  handlers: FlowHandlers,
): Flow {
  setImmediate(() => handlers.refused?.({ code, reason, facts: {} }))
  return deadFlow()
}

/** Opens, gives some bytes and is cut. */
function brokenFlow(
  { sends, thenReset: code }: { sends: string; thenReset: ResetCode },
  handlers: FlowHandlers,
): Flow {
  setImmediate(() => {
    handlers.opened?.(OPENED)
    if (sends) handlers.data(Buffer.from(sends))
    setTimeout(() => handlers.reset({ code, reason: 'cut' }), 20)
  })
  return deadFlow()
}

function deadFlow(): Flow {
  return {
    id: '0'.repeat(32),
    bytesSent: 0,
    bytesReceived: 0,
    write: () => true,
    end: () => {},
    reset: () => {},
    consumed: () => {},
  }
}

function socketFlow(port: number, handlers: FlowHandlers): Flow {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let isReset = false
  let bytesSent = 0
  socket.on('connect', () => handlers.opened?.(OPENED))
  socket.on('data', (chunk: Buffer) => handlers.data(chunk))
  socket.on('end', () => handlers.ended())
  socket.on('drain', () => handlers.drained())
  socket.on('error', () => {})
  socket.on('close', (hadError) => {
    if (isReset) return
    if (hadError) handlers.reset({ code: 'origin-reset', reason: 'the origin reset it' })
    else handlers.done?.()
  })
  return {
    id: '1'.repeat(32),
    get bytesSent() {
      return bytesSent
    },
    get bytesReceived() {
      return socket.bytesRead
    },
    write(chunk) {
      bytesSent += chunk.length
      return socket.write(chunk)
    },
    end: () => void socket.end(),
    reset() {
      isReset = true
      socket.resetAndDestroy()
    },
    consumed: () => {},
  }
}
