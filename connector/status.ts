import { formatPattern } from '../names/pattern.ts'
import type { KeptNotice, OriginHealth } from './announce.ts'
import type { App } from './app.ts'
import type { SeatStatus } from './seats.ts'
import { formatRange } from './settings/ports.ts'

/** What `byname connector status --json` prints and the control socket answers. */
export interface ConnectorStatus {
  readonly schema: 1
  readonly name: string
  readonly connectorId: string
  readonly deployment: string
  readonly instance: string
  readonly version: string
  readonly pid: number
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly tunnels: readonly SeatStatus[]
  readonly apps: readonly AppStatus[]
  readonly flows: number
  /** Of them, those that lost their tunnel and wait for their client to come back. */
  readonly detached: number
  readonly dials: { readonly active: number; readonly waiting: number }
  /** What the edges said, each thing once. */
  readonly notices: readonly KeptNotice[]
  /** Why the settings file as it is now is not in force. */
  readonly settingsProblem: string | undefined
}

export interface AppStatus {
  readonly host: string
  readonly to: string | undefined
  readonly ports: readonly string[]
  readonly health: OriginHealth
  /** False: outside the grants of this connector's enrolment, so the edge does not take it. */
  readonly granted: boolean
}

export function appStatus(app: App, health: OriginHealth, granted: boolean): AppStatus {
  const ports = app.ports.map(formatRange)
  return { host: formatPattern(app.pattern), to: app.written, ports, health, granted }
}
