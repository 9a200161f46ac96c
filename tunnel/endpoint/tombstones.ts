import type { FlowEnd } from '../flow.ts'

/** More flows than end in this time at most rates; beyond, the oldest are forgotten early. */
const MOST = 32_768
/** Many at once: a Map comes to its first entry by way of all that were deleted before it. */
const FORGOTTEN_AT_ONCE = 2048

interface Stone {
  readonly end: FlowEnd
  readonly party: string | undefined
  readonly until: number
}

/** How the flows ended that are over, for those who ask for them late. */
export class Tombstones {
  readonly #stones = new Map<string, Stone>()
  readonly #lifeMs: number

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs
  }

  add(flowId: string, party: string | undefined, end: FlowEnd, now: number): void {
    this.#stones.delete(flowId)
    this.#stones.set(flowId, { end, party, until: now + this.#lifeMs })
    if (this.#stones.size > MOST) this.#forgetOldest()
  }

  /** Only whose flow it was hears of it. */
  find(flowId: string, party: string | undefined): FlowEnd | undefined {
    const stone = this.#stones.get(flowId)
    return party !== undefined && stone?.party === party ? stone.end : undefined
  }

  /** They lie in the order of their time. */
  sweep(now: number): void {
    for (const [flowId, { until }] of this.#stones) {
      if (until > now) return
      this.#stones.delete(flowId)
    }
  }

  #forgetOldest(): void {
    let left = FORGOTTEN_AT_ONCE
    for (const flowId of this.#stones.keys()) {
      if (left-- === 0) return
      this.#stones.delete(flowId)
    }
  }
}
