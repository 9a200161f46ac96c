import { Endpoint, type EndpointHandlers } from '../../tunnel/endpoint.ts'
import type { FlowHandlers, OpenedInfo, Refusal } from '../../tunnel/flow.ts'
import { DEFAULT_LIMITS } from '../../tunnel/limits.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { writeContext } from '../../tunnel/messages/open-context.ts'
import { Wire } from '../tunnel/doubles.ts'
import { realClock as clock } from './clock.ts'

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
  readonly #wire = new Wire()
  readonly #pump = setInterval(() => {
    while (this.#wire.step());
  }, 1)
  #flows = 0

  constructor(handlers: Partial<EndpointHandlers>) {
    const { a: near, b: far } = this.#wire
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
    clearInterval(this.#pump)
  }
}
