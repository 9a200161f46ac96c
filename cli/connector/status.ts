import { existsSync } from 'node:fs'
import path from 'node:path'
import { readSettings } from '../../connector/settings-file.ts'
import type { AppStatus, ConnectorStatus } from '../../connector/status.ts'
import { callControl } from '../../process/control.ts'
import { controlPath, type Environment, findState, stateRoots } from '../../process/state.ts'
import type { Output } from '../output.ts'

export interface StatusPlaces {
  readonly config?: string
  readonly state?: string
}

/** Asks the connector of this machine. @throws {ControlError} ERR_CONTROL_UNREACHABLE (exitCode 3) */
export async function readStatus(places: StatusPlaces, env: Environment): Promise<ConnectorStatus> {
  const socket = controlPath('connector', stateOf(places, env), env)
  return (await callControl(socket, 'status', {}, { timeoutMs: 5000 })) as ConnectorStatus
}

export function printStatus(status: ConnectorStatus, out: Output, now: number): void {
  const { name, deployment, flows, detached, settingsProblem } = status
  const waiting = detached > 0 ? ` (${detached} without a tunnel)` : ''
  const up = `up ${ago(status.startedAt, now)}`
  out.line(`connector ${name} of ${deployment}, ${up}, ${flows} flows${waiting}`)
  out.line('')
  out.table(
    ['edge', 'state', 'since', 'flows', 'rtt', 'key agreement', 'last error'],
    status.tunnels.map((seat) => [
      seat.edge,
      seat.state,
      ago(seat.since, now),
      String(seat.flows),
      seat.rttMs === undefined ? '-' : `${seat.rttMs.toFixed(1)} ms`,
      `${seat.keyAgreement ?? '-'}${seat.exporterMatched === false ? ' (TLS ends before the edge)' : ''}`,
      seat.lastError ?? '-',
    ]),
  )
  out.line('')
  const rows = status.apps.map((app) => [
    app.host,
    app.ports.join(','),
    app.to ?? '(as asked)',
    stateOfApp(app),
  ])
  out.table(['app', 'ports', 'to', 'state'], rows)
  for (const { level, text, count } of status.notices) {
    out.say(`${level}: ${text}${count > 1 ? ` (${count} times)` : ''}`)
  }
  if (settingsProblem !== undefined)
    out.say(`the settings file is not in force: ${settingsProblem}`)
}

const stateOfApp = ({ granted, health }: AppStatus) => (granted ? health : 'refused: not granted')

function stateOf({ config, state }: StatusPlaces, env: Environment): string {
  if (state !== undefined) return path.resolve(state)
  const file = config ?? env.BYNAME_CONFIG
  const told = file !== undefined && existsSync(file) ? readSettings(file).state : undefined
  const roots = stateRoots(env)
  return told ?? findState('connector', roots) ?? path.join(roots[0] ?? '', 'connector')
}

function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
