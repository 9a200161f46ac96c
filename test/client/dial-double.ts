import type { Attempt, ClientHandlers, Tunnel } from '../../client/way/attempt.ts'
import type { Flows } from '../../client/way/keeper.ts'
import { type ResetCode, TunnelError } from '../../tunnel/codes.ts'
import type { ControlMessage } from '../../tunnel/control.ts'
import type { Flow, FlowHandlers, OpenRequest } from '../../tunnel/flow.ts'

/** A flow as the other end of the double sees it. */
export interface OpenedFlow {
  readonly request: OpenRequest
  readonly handlers: FlowHandlers
  readonly written: Buffer[]
  ended: boolean
  reset: string | undefined
}

export interface StandingTunnel {
  readonly attempt: Attempt
  readonly handlers: ClientHandlers
  readonly flows: OpenedFlow[]
  readonly sent: ControlMessage[]
  readonly endpoint: Tunnel['endpoint']
  closed: ResetCode | undefined
  lost: string | undefined
  isInDoubt: boolean
  /** As after GOAWAY, or the end. */
  isRetired: boolean
  /** The edge closes it, or the network does: flows get `reset` first, as an Endpoint does it. */
  end(code: ResetCode, reason?: string): void
}

/** Instead of a FlowTable: writes down what it is asked for. */
export function flowsDouble() {
  const flows = {
    detachedCount: 0,
    flowCount: 0,
    onDetached: undefined as Flows['onDetached'],
    onStranded: undefined as Flows['onStranded'],
    resumedOn: [] as Tunnel['endpoint'][],
    moves: [] as { from: Tunnel['endpoint']; to: Tunnel['endpoint'] }[],
    resumeOn: (endpoint: Tunnel['endpoint']) => void flows.resumedOn.push(endpoint),
    move: (from: Tunnel['endpoint'], to: Tunnel['endpoint']) => void flows.moves.push({ from, to }),
    tick: () => {},
    close: () => {
      flows.detachedCount = 0
    },
    /** As when a tunnel with that many flows is lost. */
    detach(count: number) {
      flows.detachedCount += count
      flows.onDetached?.()
    },
  }
  return flows satisfies Flows
}

/** Where a double's tunnel says it comes from, and which edges its READY lists. */
export interface DoubleOptions {
  readonly localAddress?: string
  readonly edges?: readonly string[]
  readonly canResume?: boolean
}

/** Instead of way/attempt.ts: each dial is answered as `script` says; without it, it stands. */
export function dialDouble(
  script: (attempt: Attempt, count: number) => ResetCode | undefined = () => undefined,
  options: DoubleOptions = {},
) {
  const tunnels: StandingTunnel[] = []
  const attempts: Attempt[] = []
  const dial = async (attempt: Attempt, handlers: ClientHandlers): Promise<Tunnel> => {
    attempts.push(attempt)
    const refusal = script(attempt, attempts.length)
    if (refusal) throw new TunnelError(refusal, `refused: ${refusal}`)
    const standing = stand(attempt, handlers, options)
    tunnels.push(standing)
    return tunnelOf(standing, options)
  }
  return { dial, tunnels, attempts }
}

function stand(
  attempt: Attempt,
  handlers: ClientHandlers,
  { canResume = true }: DoubleOptions,
): StandingTunnel {
  const close = (code: ResetCode, reason: string, by: 'us' | 'peer') => {
    standing.isRetired = true
    handlers.closed({ code, reason, by })
  }
  const endpoint: Tunnel['endpoint'] = {
    get isOpen() {
      return !standing.isRetired
    },
    get isInDoubt() {
      return standing.isInDoubt
    },
    get flowCount() {
      return standing.flows.filter((flow) => flow.reset === undefined && !flow.ended).length
    },
    canResume,
    canTakeBack: canResume,
    openFlows: [],
    rttMs: 1,
    resume: () => true,
    open: (request, flowHandlers) => openFlow(standing, request, flowHandlers),
    send: (message) => void standing.sent.push(message),
    tick: () => {},
    lose(reason) {
      standing.lost = reason
      close('tunnel-lost', reason, 'us')
    },
    close(code = 'shutting-down', reason = '') {
      standing.closed = code
      close(code, reason, 'us')
    },
  }
  const standing: StandingTunnel = {
    ...{ attempt, handlers, endpoint, flows: [], sent: [] },
    ...{ closed: undefined, lost: undefined, isInDoubt: false, isRetired: false },
    end(code, reason = code) {
      for (const flow of standing.flows) {
        if (!flow.reset) flow.handlers.reset({ code: 'tunnel-lost', reason })
      }
      close(code, reason, 'peer')
    },
  }
  return standing
}

function tunnelOf({ attempt, endpoint }: StandingTunnel, options: DoubleOptions): Tunnel {
  const { localAddress = '127.0.0.1', edges = ['https://127.0.0.1:1', 'https://127.0.0.1:2'] } =
    options
  return {
    edgeUrl: attempt.edgeUrl,
    localAddress,
    endpoint,
    ready: {
      deployment: 'd',
      edgeName: 'edge',
      edgeVersion: '1',
      features: ['resume'],
      limits: {
        initialWindowBytes: 1,
        earlyBytes: 1,
        maxFlows: 1,
        maxPendingOpens: 1,
        maxDatagramBytes: 1,
      },
      edges,
      exporterMatched: true,
      keyAgreement: 'X25519MLKEM768',
      you: { kind: 'client', subject: 'alice', sessionId: 'session-1', expiresAt: 0 },
    },
  }
}

function openFlow(standing: StandingTunnel, request: OpenRequest, handlers: FlowHandlers): Flow {
  const flow: OpenedFlow = { request, handlers, written: [], ended: false, reset: undefined }
  standing.flows.push(flow)
  let bytesSent = 0
  return {
    id: request.flowId,
    get bytesSent() {
      return bytesSent
    },
    bytesReceived: 0,
    write(chunk) {
      bytesSent += chunk.length
      flow.written.push(Buffer.from(chunk))
      return true
    },
    end() {
      flow.ended = true
    },
    reset(code) {
      flow.reset = code
    },
    consumed: () => {},
  }
}
