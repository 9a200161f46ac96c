import type { ResetCode } from '../../tunnel/codes.ts'
import type { EndRecord, FlowFacts, FlowRecord, HopMicros } from './record.ts'

/** A flow as admins see it: its records joined. JSON all through. */
export interface FlowRow extends FlowFacts {
  /** `lost`: no end was recorded and it is not live, because its edge died. */
  readonly state: 'open' | 'done' | 'reset' | 'refused' | 'lost'
  readonly rule?: string
  readonly connector?: { readonly id: string; readonly name: string }
  readonly instance?: string
  readonly code?: ResetCode | 'done'
  readonly reason?: string
  readonly by?: EndRecord['by']
  readonly endedAt?: number
  readonly bytesUp?: number
  readonly bytesDown?: number
  readonly micros: HopMicros
}

/** The row of a flow's first record and, where there is one, its last. */
export function joinRecords(
  first: Exclude<FlowRecord, EndRecord>,
  end: EndRecord | undefined,
  isLive: boolean,
): FlowRow {
  const { kind, gateMicros, ...facts } = first
  if (kind === 'refused') return { ...facts, state: 'refused', micros: { gate: gateMicros } }
  if (!end) return { ...facts, state: isLive ? 'open' : 'lost', micros: { gate: gateMicros } }
  const { code, reason, by, bytesUp, bytesDown, micros, instance } = end
  const state = stateOf(end)
  const ended = { state, code, reason, by, endedAt: end.time, bytesUp, bytesDown, micros }
  return { ...facts, ...ended, ...(instance === undefined ? {} : { instance }) }
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
