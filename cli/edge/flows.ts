import type { FlowRow } from '../../edge/flows/row.ts'
import type { Watched } from '../../edge/flows/watchers.ts'
import { FlagError } from '../flag-error.ts'
import { type Output, plainText } from '../output.ts'
import { callEdge, followEdge } from './call.ts'
import { parseDuration } from './duration.ts'
import type { FilterFlags, ListFlags } from './flags.ts'

export async function listFlows(flags: ListFlags, out: Output, now: number): Promise<void> {
  const limit = Number(flags.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) {
    throw new FlagError(`--limit ${flags.limit} is no count`, '--limit 50 (10000 at most)')
  }
  const since = flags.since === undefined ? 0 : now - parseDuration(flags.since, '--since')
  const params = { ...filterOf(flags), limit, since }
  const { flows } = await callEdge<{ flows: FlowRow[] }>(flags, 'flow.list', params)
  if (flags.json) for (const row of flows) out.json(row)
  else if (flows.length === 0) out.say('no flow matches')
  else out.table(HEADS, flows.map(cellsOf))
}

export async function watchFlows(flags: FilterFlags, out: Output): Promise<void> {
  for await (const item of followEdge(flags, 'flow.watch', filterOf(flags))) {
    const watched = item as Watched
    if (flags.json) out.json(watched)
    else if ('skipped' in watched) out.say(`${watched.skipped} were too fast to show`)
    else out.line(cellsOf(watched).map(plainText).join('  '))
  }
}

const filterOf = ({ who, name, denied }: FilterFlags) => ({ who, name, denied })

const HEADS = [
  ...['time', 'who', 'name', 'state', 'rule or reason'],
  ...['connector', 'edge', 'up', 'down', 'hops'],
]

function cellsOf(row: FlowRow): string[] {
  return [
    new Date(row.endedAt ?? row.time).toISOString(),
    row.who.label,
    `${row.name}:${row.port}${row.protocol === 'udp' ? '/udp' : ''}`,
    row.state,
    whyOf(row),
    row.connector?.name ?? '-',
    edgeOf(row),
    row.bytesUp === undefined ? '-' : bytes(row.bytesUp),
    row.bytesDown === undefined ? '-' : bytes(row.bytesDown),
    hopsOf(row),
  ]
}

function whyOf({ state, rule, code, reason }: FlowRow): string {
  if (state === 'open' || state === 'done' || state === 'lost') return rule ?? '-'
  return `${code ?? '-'}: ${reason || rule || '-'}`
}

/** `a`, or `b ×3`: it has been attached to tunnels three times, and b has it, or had it last. */
const edgeOf = ({ edge, attempt }: FlowRow) => (attempt > 1 ? `${edge} ×${attempt}` : edge)

/** gate/relay/resolve/connect, in microseconds. */
function hopsOf({ micros: { gate, relay, resolve, connect } }: FlowRow): string {
  return `${[gate, relay, resolve, connect].map((micros) => micros ?? '-').join('/')} µs`
}

const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

function bytes(count: number): string {
  const step = count < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(count) / 10))
  return `${(count / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${STEPS[step]}`
}
