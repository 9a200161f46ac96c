import type { ConnectorRow } from '../../edge/control/status.ts'
import { FlagError } from '../flag-error.ts'
import type { Output } from '../output.ts'
import { callEdge } from './call.ts'
import { parseDuration, roughly } from './duration.ts'
import type { ShowFlags, TokenFlags } from './flags.ts'
import type { EdgePlaces } from './socket.ts'

interface Made {
  readonly token: string
  readonly id: string
  readonly expiresAt: number
}

/** The token alone on stdout, so that it can go straight into a file. */
export async function makeToken(name: string, flags: TokenFlags, out: Output): Promise<void> {
  const { mayPublish } = flags
  const lifeMs = parseDuration(flags.expires, '--expires')
  const uses = usesOf(flags.uses)
  const params = { name, mayPublish, uses, lifeMs }
  const made = await callEdge<Made>(flags, 'connector.token', params)
  if (flags.json) out.json({ schema: 1, ...made })
  else out.line(made.token)
  const times = uses === 1 ? 'once' : `${uses} times`
  out.say(`a secret: usable ${times} within ${roughly(lifeMs)}, for ${mayPublish.join(', ')}`)
}

function usesOf(text: string): number {
  const uses = Number(text)
  if (Number.isInteger(uses) && uses >= 1 && uses <= 500) return uses
  throw new FlagError(`--uses ${text} is no count`, '--uses 1 (500 at most)')
}

export async function listConnectors(flags: ShowFlags, out: Output, now: number): Promise<void> {
  const answer = await callEdge<{ connectors: ConnectorRow[] }>(flags, 'connector.list')
  if (flags.json) out.json(answer)
  else if (answer.connectors.length === 0) out.say('no connector has enrolled')
  else
    out.table(
      HEADS,
      answer.connectors.map((row) => cellsOf(row, now)),
    )
}

export async function revokeConnector(
  connector: string,
  flags: EdgePlaces,
  out: Output,
): Promise<void> {
  const { revoked } = await callEdge<{ revoked: { id: string; name: string } }>(
    flags,
    'connector.revoke',
    { connector },
  )
  out.say(`${revoked.name} (${revoked.id}) is revoked`)
}

const HEADS = ['name', 'id', 'state', 'tunnels', 'flows', 'may publish', 'apps', 'enrolled']

function cellsOf(row: ConnectorRow, now: number): string[] {
  const apps = row.apps.map(({ pattern, ports, health }) => {
    const failing = health === 'failing' ? ' (failing)' : ''
    return `${pattern}:${ports.join(',')}${failing}`
  })
  return [
    row.name,
    row.id,
    stateOf(row),
    `${row.tunnels}`,
    `${row.flows}`,
    row.mayPublish.join(' '),
    apps.join(' ') || '-',
    `${roughly(now - row.enrolledAt)} ago`,
  ]
}

function stateOf({ revokedAt, tunnels }: ConnectorRow): string {
  if (revokedAt !== undefined) return 'revoked'
  return tunnels > 0 ? 'up' : 'down'
}
