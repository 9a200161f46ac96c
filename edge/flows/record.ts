import type { Requester } from '../../policy/requester.ts'
import { formatRequester } from '../../policy/requester.ts'
import type { ResetCode } from '../../tunnel/codes.ts'
import type { Facts, Protocol } from '../../tunnel/flow.ts'
import type { OnRamp } from '../../tunnel/messages/open-context.ts'
import type { FlowRequest } from '../gate/verdict.ts'

/**
 * What the flow log keeps of a flow: one record when it is let in or refused, one each time that it
 * loses its tunnels or comes back, one at its end; joined by `flowId` and `session`, for an id alone
 * is what anybody may say. Times in ms since the epoch.
 */
export type FlowRecord = OpenRecord | ResumeRecord | DetachedRecord | RefusedRecord | EndRecord

/** Who asked for what, from where. */
export interface FlowFacts {
  readonly schema: 1
  readonly time: number
  readonly flowId: string
  readonly who: RecordedWho
  readonly session: string
  readonly device: { readonly thumbprint: string; readonly selfReported: Facts }
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  readonly onRamp: OnRamp
}

export interface RecordedWho {
  /** `alice@example.com`, `service:ci`: what `--who` looks for. */
  readonly label: string
  readonly kind: Requester['kind']
  readonly issuer?: string
  readonly subject?: string
}

/** A flow that was led to a connector. */
interface LedRecord extends FlowFacts {
  readonly attempt: number
  /** The edge's name. */
  readonly edge: string
  readonly rule: string
  readonly connector: { readonly id: string; readonly name: string }
  readonly keyAgreementReported: KeyAgreements
  readonly gateMicros: number
}

/** What TLS agreed on for each of the two tunnels, by the ends' own word: an edge cannot see it. */
export interface KeyAgreements {
  readonly client?: string | undefined
  readonly connector?: string | undefined
}

export interface OpenRecord extends LedRecord {
  readonly kind: 'open'
}

/** It came back over other tunnels, and its connector has it. */
export interface ResumeRecord extends LedRecord {
  readonly kind: 'resume'
}

export interface RefusedRecord extends FlowFacts {
  readonly kind: 'refused'
  /** `resume`: it was open before, and wanted to come back. */
  readonly asked: 'open' | 'resume'
  readonly attempt: number
  readonly edge: string
  readonly code: ResetCode
  readonly reason: string
  readonly rule?: string
  readonly gateMicros: number
}

/** An attachment of a flow is over. */
interface LeftRecord {
  readonly schema: 1
  readonly time: number
  readonly flowId: string
  readonly session: string
  readonly attempt: number
  readonly reason: string
  /** Of the whole flow so far. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Which connector process held it; missing when none ever did. */
  readonly instance?: string
  readonly micros: HopMicros
}

/** This edge let go of it; it goes on elsewhere, or waits for that. */
export interface DetachedRecord extends LeftRecord {
  readonly kind: 'detached'
  readonly code: ResetCode | 'done'
}

export interface EndRecord extends LeftRecord {
  readonly kind: 'end'
  /** `done`: both directions ended in order. */
  readonly code: ResetCode | 'done'
  readonly by: 'client' | 'connector' | 'edge'
}

/** Microseconds a hop; what was never reached is missing. */
export interface HopMicros {
  readonly gate: number
  readonly relay?: number
  readonly resolve?: number
  readonly connect?: number
}

export function factsOf(flowId: string, request: FlowRequest): FlowFacts {
  const { who, session, name, port, protocol, onRamp, now } = request
  const { thumbprint, selfReported } = request.device
  const device = { thumbprint, selfReported: fewFacts(selfReported) }
  const asked = { name, port, protocol, onRamp }
  return { schema: 1, time: now, flowId, who: recordedWho(who), session, device, ...asked }
}

function recordedWho(who: Requester): RecordedWho {
  const label = formatRequester(who)
  if (who.kind !== 'person') return { label, kind: who.kind }
  return { label, kind: who.kind, issuer: who.issuer, subject: who.subject }
}

/** A device may say much; a record that the store will not take would be no record at all. */
const MAX_FACTS = 16
const FACT_CHARACTERS = 128

function fewFacts(facts: Facts): Facts {
  const few = Object.entries(facts).slice(0, MAX_FACTS)
  return Object.fromEntries(few.map(([key, value]) => [key, shortFact(value)]))
}

const shortFact = (value: Facts[string]) =>
  typeof value === 'string' ? value.slice(0, FACT_CHARACTERS) : value

/** Reasons and names of rules come from a document of any length. */
export const shortText = (text: string): string => text.slice(0, 500)
