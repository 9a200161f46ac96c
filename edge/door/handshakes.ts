import type { Log } from '../../process/log.ts'

const COMPLAIN_EVERY_MS = 60_000
/** OpenSSL's code where the peer offers none of the groups that this edge takes. */
const NO_GROUP = /_NO_SUITABLE_(KEY_SHARE|GROUPS)$/

/**
 * Says that peers fail over their key agreement, which they themselves only see as an alert: at once,
 * then at most once a minute, with how many.
 */
export class Handshakes {
  readonly #log: Log
  readonly #now: () => number
  #saidAt = Number.NEGATIVE_INFINITY
  #count = 0

  constructor(log: Log, now: () => number = Date.now) {
    this.#log = log
    this.#now = now
  }

  failed(error: NodeJS.ErrnoException, from: string | undefined): void {
    if (!NO_GROUP.test(error.code ?? '')) return
    this.#count++
    if (this.#now() - this.#saidAt < COMPLAIN_EVERY_MS) return
    this.#saidAt = this.#now()
    const facts = {
      event: 'peer-refused',
      code: 'ERR_PEER_KEY_AGREEMENT',
      from,
      peers: this.#count,
    }
    this.#count = 0
    this.#log.warn(facts, 'a peer offers no key agreement that this edge takes (post-quantum?)')
  }
}
