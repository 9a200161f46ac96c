import type { ControlCodec } from './control.ts'
import { DEFAULT_LIMITS, DEFAULT_RATES, type Limits, type Rates, sharedRates } from './limits.ts'
import { SlabPool } from './outbox.ts'
import type { LinkPort, TunnelClock } from './port.ts'
import type { RelayHandlers, RelayTunnel } from './relay/face.ts'
import { Tunnel } from './relay/tunnel.ts'
import { Session } from './session.ts'

export type * from './relay/face.ts'

export interface RelayOptions {
  readonly clock: TunnelClock
  /** `controlCodec` of messages/control.ts. */
  readonly codec: ControlCodec
  /** What READY told every peer. */
  readonly limits?: Limits
  readonly rates?: Rates
}

/** What waits in one tunnel before it is given up: more than its ledger lets honest senders bring. */
const MAX_QUEUED_BYTES = 96 * 1024 * 1024

/** No message that a client has to say is as long as a CATALOG, and reading JSON holds everybody up. */
const MAX_CLIENT_FRAME_BYTES = 262_144

/** The edge's middle: takes flows from client tunnels and carries them on over connector tunnels. */
export class Relay {
  readonly #options: RelayOptions
  readonly #pool = new SlabPool()

  constructor(options: RelayOptions) {
    this.#options = options
  }

  /**
   * Takes a tunnel over after the handshake. Clients open flows; connectors are opened to. `features`:
   * what READY said.
   */
  attach(
    link: LinkPort,
    role: 'client' | 'connector',
    handlers: RelayHandlers,
    features: readonly string[] = [],
  ): RelayTunnel {
    const { clock, codec, limits = DEFAULT_LIMITS, rates: all = DEFAULT_RATES } = this.#options
    const rates = role === 'client' ? all : sharedRates(all)
    const maxFrameBytes = role === 'client' ? MAX_CLIENT_FRAME_BYTES : undefined
    const pool = this.#pool
    const maxQueuedBytes = MAX_QUEUED_BYTES
    const tunnel = new Tunnel({
      role,
      handlers,
      features,
      clock,
      limits,
      rates,
      makeSession: (owner) =>
        new Session({
          link,
          clock,
          codec,
          pool,
          rates,
          maxQueuedBytes,
          maxFrameBytes,
          received: features.includes('received'),
          owner,
        }),
    })
    tunnel.start()
    return tunnel
  }
}
