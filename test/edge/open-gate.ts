import { Gate } from '../../edge/gate.ts'
import type { Requester } from '../../policy/requester.ts'
import type { TunnelClock } from '../../tunnel/port.ts'

export const who: Requester = { kind: 'person', issuer: 'demo', subject: 'a', claims: new Map() }

/** A gate that lets `who` in everywhere, for tests of what comes after it. */
export const openGate = (clock: TunnelClock): Gate =>
  new Gate({
    judge: {
      decide: () => ({ kind: 'allow', rule: 'all' }),
      mayReachSomePort: () => true,
      isHiddenFrom: () => false,
    },
    names: { exists: () => true, findConnector: () => ({}), serves: () => true },
    standing: () => ({ kind: 'good', who }),
    storeAgeMs: () => 0,
    clock,
    limits: { flows: 10, flowsPerSession: 10 },
  })
