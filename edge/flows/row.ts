import type { ResetCode } from '../../tunnel/codes.ts'
import type { EndRecord, FlowFacts, FlowRecord, HopMicros, KeyAgreements } from './record.ts'
import type { Trail } from './trail.ts'

/** A flow as admins see it: its records joined. JSON all through. */
export interface FlowRow extends FlowFacts {
  /**
   * `detached`: without tunnels, and may come back. `lost`: no end was recorded, and neither is it
   * live nor may it come back, because its edge or its ends died.
   */
  readonly state: 'open' | 'detached' | 'done' | 'reset' | 'refused' | 'lost'
  /** How often it was attached to tunnels; 1 as long as it never came back. */
  readonly attempt: number
  /** The edge that has it, or had it last. */
  readonly edge: string
  readonly rule?: string
  readonly connector?: { readonly id: string; readonly name: string }
  readonly instance?: string
  readonly keyAgreementReported?: KeyAgreements
  readonly code?: ResetCode | 'done'
  readonly reason?: string
  readonly by?: EndRecord['by']
  readonly endedAt?: number
  readonly bytesUp?: number
  readonly bytesDown?: number
  readonly micros: HopMicros
}

/** What has a flow or a refusal, and says what was asked for. */
export type FirstRecord = Exclude<FlowRecord, { kind: 'end' | 'detached' }>

/** Where a flow without an end is. */
export interface Whereabouts {
  readonly now: number
  /** Whether that attachment is still at its edge, this one or another. */
  isHeld(record: { flowId: string; edge: string; time: number }): boolean
}

/** The row of a flow's first record and of what came after it. */
export function joinRecords(first: FirstRecord, trail: Trail, where: Whereabouts): FlowRow {
  if (first.kind === 'refused') {
    const { asked: _, ...facts } = first
    return { ...told(facts), state: 'refused' }
  }
  const last = trail.resumed ?? first
  const { edge, attempt, rule, connector, keyAgreementReported } = last
  const led = { ...told(first), edge, attempt, rule, connector, keyAgreementReported }
  const { end, refused } = trail
  if (end) return { ...led, ...leftOf(end), state: stateOf(end), by: end.by, endedAt: end.time }
  if (refused) {
    const { code, reason, time: endedAt } = refused
    return { ...led, ...leftOf(trail.detached), state: 'reset', code, reason, by: 'edge', endedAt }
  }
  const { detached } = trail
  if (detached && detached.attempt >= attempt) {
    const isAway = where.now - detached.time < DETACHED_MS
    return { ...led, ...leftOf(detached), state: isAway ? 'detached' : 'lost' }
  }
  return { ...led, state: where.isHeld(last) ? 'open' : 'lost' }
}

/** An end keeps a detached flow for 120 s, and what became of it for 30 s more (SPEC.md §7). */
const DETACHED_MS = 150_000

const told = <Record extends { readonly kind: string; readonly gateMicros: number }>({
  kind: _,
  gateMicros: gate,
  ...facts
}: Record) => ({ ...facts, micros: { gate } })

function leftOf(left: Trail['end'] | Trail['detached']) {
  if (!left) return {}
  const { code, reason, bytesUp, bytesDown, micros, instance } = left
  return { code, reason, bytesUp, bytesDown, micros, ...(instance && { instance }) }
}

/** A flow that the connector or its origin would not have never was open. */
function stateOf({ code, instance }: EndRecord): FlowRow['state'] {
  if (code === 'done') return 'done'
  return instance === undefined ? 'refused' : 'reset'
}

export interface FlowFilter {
  /** In the label of who asked, anywhere, in any case. */
  readonly who?: string | undefined
  /** In the name, anywhere. */
  readonly name?: string | undefined
  /** Only those that were refused, or cut by the edge. */
  readonly denied?: boolean | undefined
  /** Not older than this. */
  readonly since?: number | undefined
}

export function matches(row: FlowRow, filter: FlowFilter): boolean {
  if (filter.since !== undefined && row.time < filter.since) return false
  if (filter.denied === true && !isDenied(row)) return false
  return contains(row.who.label, filter.who) && contains(row.name, filter.name)
}

const isDenied = ({ state, by }: FlowRow) =>
  state === 'refused' || (state === 'reset' && by === 'edge')

const contains = (text: string, part: string | undefined) =>
  part === undefined || text.includes(part.toLowerCase())
