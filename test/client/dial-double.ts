import type { Attempt, ClientHandlers, Tunnel } from '../../client/way/attempt.ts'
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
  closed: ResetCode | undefined
  /** As after GOAWAY, or the end. */
  isRetired: boolean
  /** The edge closes it, or the network does: flows get `reset` first, as an Endpoint does it. */
  end(code: ResetCode, reason?: string): void
}

/** Instead of way/attempt.ts: each dial is answered as `script` says; without it, it stands. */
export function dialDouble(
  script: (attempt: Attempt, count: number) => ResetCode | undefined = () => undefined,
) {
  const tunnels: StandingTunnel[] = []
  const attempts: Attempt[] = []
  const dial = async (attempt: Attempt, handlers: ClientHandlers): Promise<Tunnel> => {
    attempts.push(attempt)
    const refusal = script(attempt, attempts.length)
    if (refusal) throw new TunnelError(refusal, `refused: ${refusal}`)
    const standing = stand(attempt, handlers)
    tunnels.push(standing)
    return tunnelOf(standing, handlers)
  }
  return { dial, tunnels, attempts }
}

function stand(attempt: Attempt, handlers: ClientHandlers): StandingTunnel {
  const standing: StandingTunnel = {
    attempt,
    handlers,
    flows: [],
    sent: [],
    closed: undefined,
    isRetired: false,
    end(code, reason = code) {
      standing.isRetired = true
      for (const flow of standing.flows) {
        if (!flow.reset) flow.handlers.reset({ code: 'tunnel-lost', reason })
      }
      handlers.closed({ code, reason, by: 'peer' })
    },
  }
  return standing
}

function tunnelOf(standing: StandingTunnel, handlers: ClientHandlers): Tunnel {
  return {
    edgeUrl: standing.attempt.edgeUrl,
    ready: {
      deployment: 'd',
      edgeName: 'edge',
      edgeVersion: '1',
      features: [],
      limits: {
        initialWindowBytes: 1,
        earlyBytes: 1,
        maxFlows: 1,
        maxPendingOpens: 1,
        maxDatagramBytes: 1,
      },
      edges: ['https://127.0.0.1:1', 'https://127.0.0.1:2'],
      exporterMatched: true,
      keyAgreement: 'X25519MLKEM768',
      you: { kind: 'client', subject: 'alice', sessionId: 'session-1', expiresAt: 0 },
    },
    endpoint: {
      get isOpen() {
        return !standing.isRetired
      },
      open: (request, flowHandlers) => openFlow(standing, request, flowHandlers),
      send: (message) => void standing.sent.push(message),
      tick: () => {},
      goAway: () => {},
      close: (code) => {
        standing.closed = code
        standing.isRetired = true
        handlers.closed({ code: code ?? 'shutting-down', reason: '', by: 'us' })
      },
      get flowCount() {
        return standing.flows.filter((flow) => flow.reset === undefined && !flow.ended).length
      },
      rttMs: 1,
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
