import { openLoopbackLeases } from '../../client/loopback/leases.ts'
import { readAuthority } from '../../client/proxy/destination.ts'
import { type Trace, trace } from '../../client/trace.ts'
import { silentLog } from '../../process/log.ts'
import type { Environment } from '../../process/state.ts'
import { EXIT, type Output } from '../output.ts'
import { withWay } from './way.ts'

export interface TraceFlags {
  readonly profile?: string
  readonly proxy?: string
  readonly json?: boolean
}

export async function traceVerb(
  target: string,
  flags: TraceFlags,
  env: Environment,
  out: Output,
): Promise<void> {
  const to = readAuthority(target, 80)
  if (to.kind !== 'name') {
    const why = to.kind === 'bad' ? to.reason : 'an address has no way through byname'
    throw Object.assign(new Error(`${target} cannot be traced`), {
      code: 'ERR_TRACE_TARGET',
      why,
      fix: 'byname trace wiki.corp.internal:80',
      exitCode: EXIT.usage,
    })
  }
  const traced = await withWay(flags, env, async (way, profile) => {
    const leases = openLoopbackLeases(profile, silentLog)
    try {
      return await trace(way, { name: to.name, port: to.port, onRamp: 'socks' }, (name) => {
        const lease = leases.addressFor(name, 4, Date.now())
        return lease.kind === 'leased' ? lease.address : undefined
      })
    } finally {
      leases.close()
    }
  })
  if (flags.json) out.json(traced)
  else for (const line of describe(traced)) out.line(line)
  if (traced.outcome.kind === 'refused') process.exitCode = EXIT.no
}

/** One hop a line: where, what, microseconds. */
function describe(traced: Trace): string[] {
  const { name, port, address, addressMicros, edgeUrl, outcome, totalMicros, person } = traced
  const hop = (where: string, what: string, micros?: number) =>
    `${where.padEnd(10)} ${what.padEnd(48)} ${micros === undefined ? '' : `${micros} µs`}`.trimEnd()
  const head = [
    hop('name', `${name}:${port}, asked by ${person.email ?? person.subject}`),
    hop('address', address ?? `none (${traced.whose})`, addressMicros),
  ]
  if (outcome.kind === 'refused') {
    return [...head, hop('gate', outcome.sentence), hop('in all', '', totalMicros)]
  }
  return [
    ...head,
    hop('gate', `allowed at ${edgeUrl}`, outcome.gateMicros),
    hop('edge', 'relayed to its connector', outcome.relayMicros),
    hop('connector', outcome.instance),
    hop('resolve', 'the real name, where the connector is', outcome.resolveMicros),
    hop('origin', 'connected', outcome.connectMicros),
    hop('lines', 'there and back, and queues', outcome.networkMicros),
    hop('in all', `flow ${traced.flowId}`, totalMicros),
  ]
}
