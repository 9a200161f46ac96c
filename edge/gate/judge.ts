import type { Policy } from '../../policy/compile.ts'
import { decide } from '../../policy/decide.ts'
import type { World } from '../../policy/decision.ts'
import { isUnlistedFor, mayReachSomePort } from '../../policy/reach.ts'
import type { Judge } from './verdict.ts'

/** The live policy, asked in the world that the registry knows. */
export function judgeOf(policy: () => Policy, world: World): Judge {
  return {
    decide: (request) => decide(policy(), request, world),
    mayReachSomePort: (who, name, now) => mayReachSomePort(policy(), who, name, now, world),
    isHiddenFrom: (who, entry, now) => isUnlistedFor(policy(), who, entry, now, world),
  }
}
