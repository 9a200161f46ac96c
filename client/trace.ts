import type { Hostname } from '../names/hostname.ts'
import type { Whose } from '../resolver/catalog.ts'
import type { OnRamp, OpenedInfo, Refusal } from './flow.ts'
import { sentenceOf } from './refusal.ts'
import type { Way } from './way.ts'

/** The way of one flow, hop by hop. Times in microseconds. */
export interface Trace {
  readonly schema: 1
  readonly name: Hostname
  readonly port: number
  readonly person: Way['person']
  readonly whose: Whose['kind']
  /** The synthetic address, where an on-ramp gives one. */
  readonly address?: string | undefined
  readonly addressMicros?: number | undefined
  /** Joins this with the edge's flow record. */
  readonly flowId: string
  readonly edgeUrl: string
  readonly outcome: Opened | Refused
  /** From asking for the flow to its answer. */
  readonly totalMicros: number
}

interface Opened extends OpenedInfo {
  readonly kind: 'opened'
  /** What the hops above do not account for: the two lines to the edge and back, and queues. */
  readonly networkMicros: number
}

interface Refused {
  readonly kind: 'refused'
  readonly code: Refusal['code']
  readonly reason: string
  readonly rule?: string | undefined
  readonly sentence: string
}

export interface TraceTarget {
  readonly name: Hostname
  readonly port: number
  readonly onRamp: OnRamp
}

/** Gives a name its synthetic address; a client's leases do. */
export type AddressFor = (name: Hostname) => string | undefined

/** Opens a real flow through the gate, notes what each hop took, and gives it up again. */
export async function trace(
  way: Pick<Way, 'open' | 'ownership' | 'person' | 'status'>,
  target: TraceTarget,
  addressFor?: AddressFor,
): Promise<Trace> {
  const { name, port, onRamp } = target
  const whose = way.ownership.find(name).kind
  const named = whose === 'owned' && addressFor ? timed(() => addressFor(name)) : undefined
  const begin = performance.now()
  const { flowId, answer } = await openOnce(way, { name, port, protocol: 'tcp', onRamp })
  const totalMicros = microsSince(begin)
  return {
    schema: 1,
    name,
    port,
    person: way.person,
    whose,
    ...(named?.value ? { address: named.value, addressMicros: named.micros } : {}),
    flowId,
    edgeUrl: way.status().edgeUrl,
    outcome:
      'instance' in answer ? openedOf(answer, totalMicros) : refusedOf(answer, target, way.person),
    totalMicros,
  }
}

function openOnce(
  way: Pick<Way, 'open'>,
  target: Parameters<Way['open']>[0],
): Promise<{ flowId: string; answer: OpenedInfo | Refusal }> {
  return new Promise((resolve) => {
    const settle = (answer: OpenedInfo | Refusal) => resolve({ flowId: flow.id, answer })
    const flow = way.open(target, {
      opened: (info) => {
        flow.reset('cancelled', 'a trace')
        settle(info)
      },
      refused: settle,
      reset: (end) => settle({ ...end, facts: {} }),
      data: () => {},
      ended: () => {},
      drained: () => {},
    })
  })
}

function openedOf(info: OpenedInfo, totalMicros: number): Opened {
  const { gateMicros, relayMicros, resolveMicros, connectMicros } = info
  const known = gateMicros + relayMicros + resolveMicros + connectMicros
  return { kind: 'opened', ...info, networkMicros: Math.max(0, totalMicros - known) }
}

function refusedOf(refusal: Refusal, target: TraceTarget, person: Way['person']): Refused {
  const { code, reason, facts } = refusal
  const rule = typeof facts.rule === 'string' ? facts.rule : undefined
  return { kind: 'refused', code, reason, rule, sentence: sentenceOf(refusal, target, person) }
}

function timed<Value>(work: () => Value): { value: Value; micros: number } {
  const begin = performance.now()
  return { value: work(), micros: microsSince(begin) }
}

const microsSince = (begin: number) => Math.round((performance.now() - begin) * 1000)
