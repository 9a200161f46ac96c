import type { Log } from '../process/log.ts'
import type { FlowTarget, Refusal } from './flow.ts'
import type { Profile } from './profile.ts'
import type { ClientSettings } from './settings.ts'
import type { Way } from './way.ts'

/** What the on-ramps of one client process share. */
export interface Shared {
  readonly profile: Profile
  readonly settings: ClientSettings
  readonly way: Way
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** A flow did not come to be, or a decision cut it: the person is told once. */
  readonly onRefused: (refusal: Refusal, target: Pick<FlowTarget, 'name' | 'port'>) => void
}
