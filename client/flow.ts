import type { Hostname } from '../names/hostname.ts'
import type { Protocol } from '../tunnel/flow.ts'

export type { Flow, FlowHandlers, OpenedInfo, Refusal } from '../tunnel/flow.ts'

/** How a flow came to byname: the edge writes it into the flow's record. */
export type OnRamp =
  | 'run'
  | 'socks'
  | 'connect'
  | 'http-proxy'
  | 'loopback'
  | 'transparent'
  | 'gateway'
  | 'web'

/** What a program wants to reach: always a name, never an address. */
export interface FlowTarget {
  readonly name: Hostname
  readonly port: number
  readonly protocol: Protocol
  readonly onRamp: OnRamp
}
