import type { ClientStatus } from '../../client/client.ts'
import { loadProfile } from '../../client/profile.ts'
import type { TunnelStatus } from '../../client/way.ts'
import { callControl } from '../../process/control.ts'
import { controlPath, type Environment } from '../../process/state.ts'
import type { Output } from '../output.ts'

/** Asks the client of a profile. @throws {ControlError} ERR_CONTROL_UNREACHABLE (exitCode 3) */
export async function readStatus(
  profileName: string | undefined,
  env: Environment,
): Promise<ClientStatus> {
  const { name, directory } = await loadProfile(profileName, env)
  const socket = controlPath('client', directory, env)
  try {
    return (await callControl(socket, 'status', {}, { timeoutMs: 5000 })) as ClientStatus
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_CONTROL_UNREACHABLE') throw error
    throw Object.assign(new Error(`no client of profile ${name} runs`), {
      code: 'ERR_CONTROL_UNREACHABLE',
      why: (error as { why?: string }).why,
      fix: `byname client run --profile ${name} (byname run needs none)`,
      exitCode: 3,
    })
  }
}

export function printStatus(status: ClientStatus, out: Output, now: number): void {
  const { person, profile, way, proxy, loopback, startedAt } = status
  const rows: [string, string][] = [
    ['person', `${person.email ?? person.subject} (profile ${profile})`],
    ...edgesOf(status, now),
    ['session', `until ${new Date(way.sessionExpiresAt).toISOString()}`],
    ['flows', `${way.flows} open, ${way.waiting} waiting, ${way.detached} without a tunnel`],
    ['names', `${way.names}, catalogue ${way.catalogRevision ?? 'not here yet'}`],
    ['proxy', `${proxy.at} (SOCKS5, SOCKS4a, HTTP), ${proxy.pac}`],
    ['turned away', turnedAway(status)],
    ['up', ago(startedAt, now)],
  ]
  if (loopback) {
    const inUse = loopback.leases.reduce((sum, range) => sum + range.inUse, 0)
    rows.push(['resolver', loopback.dns])
    rows.push(['loopback', `${loopback.range}: ${inUse} names, ${loopback.listeners} listeners`])
  }
  out.table(['what', 'is'], rows)
  for (const { port, apps, fix } of loopback?.withheld ?? []) {
    out.say(`not listening on ${port ?? 'too many ports'} (${apps.join(', ')}): ${fix}`)
  }
}

/** A row for each tunnel; there is more than one while an edge drains or is in doubt. */
function edgesOf({ way }: ClientStatus, now: number): [string, string][] {
  const rows = way.tunnels.map((tunnel): [string, string] => ['edge', tunnelLine(tunnel, now)])
  if (way.tunnel === 'open') return rows
  const state = `${way.edgeUrl}, ${way.tunnel} for ${ago(way.since, now)}: ${way.reason}`
  return [...rows, ['edge', state]]
}

function tunnelLine(tunnel: TunnelStatus, now: number): string {
  const { edgeName, edgeUrl, state, since, rttMs, keyAgreement, exporterMatched } = tunnel
  const rtt = rttMs === undefined ? [] : [`${rttMs.toFixed(1)} ms`]
  const early = exporterMatched ? [] : ['TLS ends before the edge']
  const words = [`${edgeName} ${edgeUrl}`, `${STATES[state]} for ${ago(since, now)}`, ...rtt]
  return [...words, keyAgreement ?? 'TLS', ...early].join(', ')
}

const STATES = { open: 'open', 'in-doubt': 'silent, up', draining: 'draining, up' } as const

function turnedAway({ proxy, loopback }: ClientStatus): string {
  const { otherUser, webPage, noCredential, unknownProtocol } = proxy.counts
  const others = otherUser + (loopback?.counts.otherUser ?? 0)
  return [
    `${others} other users`,
    `${webPage} web pages`,
    `${noCredential} without credential`,
    `${unknownProtocol} unknown protocols`,
    `${loopback?.counts.noName ?? 0} to no name`,
  ].join(', ')
}

function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
