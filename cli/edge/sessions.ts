import type { SessionRow } from '../../edge/control/status.ts'
import type { Output } from '../output.ts'
import { callEdge } from './call.ts'
import { roughly } from './duration.ts'
import type { ShowFlags } from './flags.ts'
import type { EdgePlaces } from './socket.ts'

export async function listSessions(flags: ShowFlags, out: Output, now: number): Promise<void> {
  const answer = await callEdge<{ sessions: SessionRow[] }>(flags, 'session.list')
  if (flags.json) out.json(answer)
  else if (answer.sessions.length === 0) out.say('nobody is signed in')
  else
    out.table(
      HEADS,
      answer.sessions.map((row) => cellsOf(row, now)),
    )
}

export async function revokeSessions(
  session: string,
  flags: EdgePlaces,
  out: Output,
): Promise<void> {
  const { revoked } = await callEdge<{ revoked: { id: string; who: string }[] }>(
    flags,
    'session.revoke',
    { session },
  )
  for (const { id, who } of revoked) out.say(`${who} (${id}) is signed out`)
}

const HEADS = ['who', 'session', 'device', 'os', 'tunnels', 'since', 'expires in']

/** What a device says of itself is marked: nobody has checked it. */
function cellsOf(row: SessionRow, now: number): string[] {
  const { os, hostName } = row.deviceFacts
  return [
    row.who,
    row.id,
    `${hostName ?? row.device.slice(0, 12)} (self-reported)`,
    `${os ?? '-'}`,
    `${row.tunnels}`,
    roughly(now - row.createdAt),
    roughly(row.expiresAt - now),
  ]
}
