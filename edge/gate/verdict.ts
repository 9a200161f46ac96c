import type { Hostname } from '../../names/hostname.ts'
import type { NamePattern } from '../../names/pattern.ts'
import type { Decision, PolicyRequest } from '../../policy/decision.ts'
import { describe } from '../../policy/decision.ts'
import type { Requester } from '../../policy/requester.ts'
import type { ResetCode } from '../../tunnel/codes.ts'
import type { Facts, Protocol, Refusal } from '../../tunnel/flow.ts'
import type { OnRamp } from '../../tunnel/messages/open-context.ts'

/** One flow that somebody asks for. `now` in ms since the epoch. */
export interface FlowRequest {
  readonly who: Requester
  readonly session: string
  readonly name: Hostname
  readonly port: number
  readonly protocol: Protocol
  readonly onRamp: OnRamp
  readonly device: Device
  readonly now: number
}

/** The device that asks: its key is proved, its facts are what it says of itself. */
export interface Device {
  readonly thumbprint: string
  readonly selfReported: Facts
}

/** Why not: `code`, `reason` and `rule` for the log, `told` for the person. */
export interface Denial {
  readonly kind: 'denied'
  readonly code: ResetCode
  readonly reason: string
  readonly rule?: string
  /** Differs from the truth only where the truth would show that an unlisted app exists. */
  readonly told: Refusal
}

/** Whether a session may still be used, and for whom. */
export type Standing =
  | { readonly kind: 'good'; readonly who: Requester }
  | { readonly kind: 'ended'; readonly code: ResetCode; readonly reason: string }

/** The policy as the gate asks it: the live document in the world as it is now. */
export interface Judge {
  decide(request: PolicyRequest): Decision
  /** Whether some port of the name is open to `who`, or would be if more were known of them. */
  mayReachSomePort(who: Requester, name: Hostname, now: number): boolean
  /** Whether an unlisted app, or pattern of apps, must seem absent to `who`. */
  isHiddenFrom(who: Requester, entry: NamePattern, now: number): boolean
}

export function deny(code: ResetCode, reason: string, rule?: string): Denial {
  const facts: Facts = rule === undefined ? {} : { rule: rule.slice(0, TOLD_CHARACTERS) }
  const told = { code, reason: reason.slice(0, TOLD_CHARACTERS), facts }
  return { kind: 'denied', code, reason, told, ...(rule === undefined ? {} : { rule }) }
}

/** REFUSED, RESET and CUT carry no longer texts (SPEC.md §9). */
export const TOLD_CHARACTERS = 240

/** What is said of a name that nobody publishes, and of one that must seem so. */
export const NO_SUCH_NAME: Denial = deny('no-such-name', 'nobody publishes that name')

export const asAbsent = (denial: Denial): Denial => ({ ...denial, told: NO_SUCH_NAME.told })

/** The policy does not allow it (any more). */
export const isPolicys = ({ code }: Pick<Denial, 'code'>): boolean =>
  code === 'policy-denied' || code === 'unmet'

/** A flow that was let in before and must not come back is told as one that is cut. */
export function asCut(denial: Denial): Denial {
  if (!isPolicys(denial)) return denial
  const code = 'policy-changed'
  const { told } = denial
  return { ...denial, code, told: isPolicys(told) ? { ...told, code } : told }
}

/** What refuses where no rule speaks; no rule of a document may be called that (ADR 0003). */
const NO_RULE = 'no-rule'

/** The policy's no as a refusal. */
export function denialOf(decision: Exclude<Decision, { kind: 'allow' }>): Denial {
  const reason = describe(decision)
  switch (decision.why) {
    case 'no-rule':
      return deny('policy-denied', reason, NO_RULE)
    case 'blocked':
      return deny('policy-denied', reason, decision.rule)
    case 'unmet':
      return deny('unmet', reason, decision.rule)
    case 'not-published':
      return deny('not-published', reason, decision.rule)
  }
}
