import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { RelayFlowEnd } from '../tunnel/relay.ts'

/** What is counted as it happens. */
export interface Counts {
  opened(): void
  refused(code: string): void
  ended(end: RelayFlowEnd): void
  /** A flow came back; `detached`: it left for another tunnel. */
  resumed(): void
  detached(end: RelayFlowEnd): void
  /** A decision of the gate took so long. */
  judged(micros: number): void
  /** A peer that did not get in. */
  rejected(code: string): void
  policyChanged(): void
}

/** What is looked up when somebody scrapes. */
export interface Levels {
  readonly liveFlows: () => number
  readonly tunnels: () => { readonly client: number; readonly connector: number }
  readonly sessions: () => number
  readonly lostRecords: () => number
  readonly isPolicyCurrent: () => boolean
}

/** The edge's Prometheus metrics (docs/edge.md lists them). No name or person becomes a label. */
export class Metrics implements Counts {
  /** What a drain counts from. */
  readonly totals = { detached: 0, ended: 0 }
  readonly #registry = new Registry()
  readonly #flows = this.#counter('flows_opened_total', 'flows let in and led to a connector')
  readonly #refused = this.#counter('flows_refused_total', 'flows refused by the edge', ['code'])
  readonly #ended = this.#counter('flows_ended_total', 'flows that ended', ['code', 'by'])
  readonly #resumed = this.#counter('flows_resumed_total', 'flows that came back to a connector')
  readonly #detached = this.#counter('flows_detached_total', 'flows that lost a tunnel or moved')
  readonly #bytes = this.#counter('bytes_total', 'payload relayed by flows that ended or left', [
    'direction',
  ])
  readonly #rejected = this.#counter('peers_rejected_total', 'tunnels refused', ['code'])
  readonly #policies = this.#counter('policy_changes_total', 'policies that came into force')
  readonly #gate = new Histogram({
    name: 'byname_edge_gate_seconds',
    help: 'what the gate takes to decide',
    buckets: [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2],
    registers: [this.#registry],
  })

  constructor(levels: Levels) {
    this.#level('flows_live', 'flows that are there now', levels.liveFlows)
    this.#level('sessions', 'sessions that are live', levels.sessions)
    this.#level('flow_records_lost', 'flow records that could not be kept', levels.lostRecords)
    this.#level('policy_current', '1: the policy file is in force; 0: it is refused', () =>
      levels.isPolicyCurrent() ? 1 : 0,
    )
    const tunnels = new Gauge({
      name: 'byname_edge_tunnels',
      help: 'tunnels that are there now',
      labelNames: ['role'],
      registers: [this.#registry],
      collect: () => {
        for (const [role, count] of Object.entries(levels.tunnels())) tunnels.set({ role }, count)
      },
    })
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  opened(): void {
    this.#flows.inc()
  }

  refused(code: string): void {
    this.#refused.inc({ code })
  }

  ended(end: RelayFlowEnd): void {
    const { code, by } = end
    this.#ended.inc({ code, by })
    this.totals.ended++
    this.#relayed(end)
  }

  resumed(): void {
    this.#resumed.inc()
  }

  detached(end: RelayFlowEnd): void {
    this.#detached.inc()
    this.totals.detached++
    this.#relayed(end)
  }

  #relayed({ bytesUp, bytesDown }: RelayFlowEnd): void {
    this.#bytes.inc({ direction: 'up' }, bytesUp)
    this.#bytes.inc({ direction: 'down' }, bytesDown)
  }

  judged(micros: number): void {
    this.#gate.observe(micros / 1e6)
  }

  rejected(code: string): void {
    this.#rejected.inc({ code })
  }

  policyChanged(): void {
    this.#policies.inc()
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter<string> {
    const registers = [this.#registry]
    return new Counter({ name: `byname_edge_${name}`, help, labelNames, registers })
  }

  #level(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `byname_edge_${name}`,
      help,
      registers: [this.#registry],
      collect: () => gauge.set(read()),
    })
  }
}
