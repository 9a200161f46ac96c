import type { ResetCode } from '../../tunnel/codes.ts'
import type { RelayFlow } from '../../tunnel/relay.ts'
import type { FlowLog } from '../flows/log.ts'
import { factsOf, shortText } from '../flows/record.ts'
import type { Denial, FlowRequest } from '../gate/verdict.ts'
import type { Counts } from '../metrics.ts'

export interface RefusalBooks {
  readonly flows: Pick<FlowLog, 'refused'>
  readonly counts: Pick<Counts, 'refused'>
  /** This edge's name. */
  readonly edge: string
}

/** Tells the client what it may know, and the books the truth. */
export function refuseFlow(
  flow: RelayFlow,
  request: FlowRequest,
  denial: Denial,
  gateMicros: number,
  books: RefusalBooks,
): void {
  const { told, code } = denial
  flow.refuse(told.code, told.reason, told.facts)
  // What the client asks for again, here or elsewhere, is no decision about the flow.
  if (flow.kind === 'resume' && ASKED_AGAIN.has(code)) books.counts.refused(code)
  else noteRefused(flow, request, { ...denial, gateMicros }, books)
}

export function noteRefused(
  { flowId, kind: asked, attempt }: RelayFlow,
  request: FlowRequest,
  { code, reason, rule, gateMicros }: Why,
  { flows, counts, edge }: RefusalBooks,
): void {
  const named = rule === undefined ? {} : { rule: shortText(rule) }
  const why = { code, reason: shortText(reason), gateMicros, ...named }
  const facts = factsOf(flowId, request)
  flows.refused({ ...facts, kind: 'refused', asked, attempt, edge, ...why })
  counts.refused(code)
}

interface Why {
  readonly code: ResetCode
  readonly reason: string
  readonly rule?: string
  readonly gateMicros: number
}

const ASKED_AGAIN: ReadonlySet<ResetCode> = new Set([
  'connector-not-here',
  'shutting-down',
  'rate-limited',
  'over-budget',
  'internal',
])
