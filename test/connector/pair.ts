import { Endpoint, type EndpointHandlers } from '../../tunnel/endpoint.ts'
import type { FlowHandlers, OpenedInfo, Refusal } from '../../tunnel/flow.ts'
import { DEFAULT_LIMITS } from '../../tunnel/limits.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { writeContext } from '../../tunnel/messages/open-context.ts'
import type { LinkClosed, LinkPort } from '../../tunnel/port.ts'
import { realClock as clock } from './clock.ts'

/** Two ends of one carrier that is two arrays. */
function linkPair(): [LinkPort, LinkPort] {
  const make = (): LinkPort & { other?: LinkPort; waiting: Uint8Array[] } => {
    let isOver = false
    let onMessage: LinkPort['onMessage']
    const waiting: Uint8Array[] = []
    const end = (link: LinkPort & { other?: LinkPort }, why: LinkClosed) => {
      if (isOver) return
      isOver = true
      queueMicrotask(() => link.onClosed?.(why))
      ;(link.other as LinkPort | undefined)?.terminate()
    }
    return {
      waiting,
      bufferedBytes: 0,
      onDrain: undefined,
      onClosed: undefined,
      get onMessage() {
        return onMessage
      },
      set onMessage(handler) {
        onMessage = handler
        if (handler) for (const message of waiting.splice(0)) queueMicrotask(() => handler(message))
      },
      send(message, written) {
        const copy = Uint8Array.from(message)
        setImmediate(() => {
          const other = this.other as (LinkPort & { waiting: Uint8Array[] }) | undefined
          if (other?.onMessage) other.onMessage(copy)
          else other?.waiting.push(copy)
          written?.()
        })
      },
      close(code, reason) {
        end(this, { code, reason, by: 'us' })
      },
      terminate() {
        end(this, { code: 'tunnel-lost', reason: 'test', by: 'network' })
      },
    }
  }
  const [one, two] = [make(), make()]
  one.other = two
  two.other = one
  return [one, two]
}

export interface Asked {
  readonly kind: 'opened' | 'refused' | 'reset'
  readonly code?: string
  readonly reason?: string
  readonly info?: OpenedInfo
}

/** A connector's endpoint with its handlers, and an edge at the other end that asks for what it likes. */
export class LyingEdge {
  readonly edge: Endpoint
  readonly connector: Endpoint
  #flows = 0

  constructor(handlers: Partial<EndpointHandlers>) {
    const [near, far] = linkPair()
    const rest = { control() {}, goAway() {}, closed() {}, incoming() {} }
    const common = { limits: DEFAULT_LIMITS, clock, codec: controlCodec }
    this.connector = new Endpoint({
      ...common,
      role: 'connector',
      link: near,
      handlers: { ...rest, ...handlers },
    })
    this.edge = new Endpoint({ ...common, role: 'client', link: far, handlers: rest })
  }

  /** Opens a flow as it is told, checks nothing. */
  open(
    name: string,
    port: number,
    handlers: Partial<FlowHandlers> = {},
    protocol: 'tcp' | 'udp' = 'tcp',
  ) {
    const flowId = (++this.#flows).toString(16).padStart(32, '0')
    const who = { kind: 'person', label: 'alice@example.com' } as const
    const context = writeContext({ who, rule: 'r', session: 's' })
    const rest = { data() {}, ended() {}, reset() {}, drained() {} }
    return this.edge.open({ flowId, name, port, protocol, context }, { ...rest, ...handlers })
  }

  /** What comes of an OPEN. */
  ask(name: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<Asked> {
    return new Promise((resolve) => {
      this.open(
        name,
        port,
        {
          opened: (info) => resolve({ kind: 'opened', info }),
          refused: ({ code, reason }: Refusal) => resolve({ kind: 'refused', code, reason }),
          reset: ({ code, reason }) => resolve({ kind: 'reset', code, reason }),
        },
        protocol,
      )
    })
  }

  close(): void {
    this.edge.close()
    this.connector.close()
  }
}
