import { randomBytes } from 'node:crypto'
import type { Flow, FlowEnd } from '../../../tunnel/flow.ts'
import { writeContext } from '../../../tunnel/messages/open-context.ts'
import type { Peer } from '../../edge/house/peer.ts'

/** A flow to an origin that says back what it hears. */
export class Echo {
  readonly #flow: Flow
  #heard = Promise.withResolvers<void>()

  constructor(client: Peer) {
    this.#flow = client.endpoint.open(
      {
        flowId: randomBytes(16).toString('hex'),
        name: 'wiki.corp.internal',
        port: 80,
        protocol: 'tcp',
        context: writeContext({ onRamp: 'run' }),
      },
      {
        refused: (refusal) => this.#over(refusal),
        data: (chunk) => {
          this.#flow.consumed(chunk.length)
          this.#heard.resolve()
        },
        ended: () => this.#over({ code: 'cancelled', reason: 'the other end ended it' }),
        reset: (end) => this.#over(end),
        drained: () => undefined,
      },
    )
  }

  /** Milliseconds of a byte to the origin and back. Rejects when the flow is over. */
  async roundMs(): Promise<number> {
    const begin = performance.now()
    this.#flow.write(Buffer.from('x'))
    await this.#heard.promise
    this.#heard = Promise.withResolvers()
    return performance.now() - begin
  }

  #over({ code, reason }: FlowEnd): void {
    // Nobody may be waiting at the end of a test.
    this.#heard.promise.catch(() => undefined)
    this.#heard.reject(new Error(`the honest flow is over: ${code}, ${reason}`))
  }
}
