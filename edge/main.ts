import type { Log } from '../process/log.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { EdgeSettings } from './settings.ts'

export interface EdgeDeps {
  readonly log: Log
  /** Real time when left out. */
  readonly clock?: TunnelClock
}

/** A running edge. */
export interface Edge {
  /** `https://…`: what clients, connectors and join tokens are told. */
  readonly url: string
  readonly deployment: string
  readonly caPem: string
  readonly controlPath: string
  readonly healthUrl: string | undefined
  close(): Promise<void>
}

/** Starts an edge: resolves when it can serve. */
export declare function startEdge(settings: EdgeSettings, deps: EdgeDeps): Promise<Edge>
