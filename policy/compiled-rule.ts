import type { Hostname } from '../names/hostname.ts'
import type { CompiledWho } from './compile-who.ts'
import type { Rule } from './document.ts'
import { includesPort, type PortRange, type Protocol } from './ports.ts'

/** A rule made ready: its groups are numbers, its sets can be asked. */
export interface CompiledRule {
  readonly rule: Rule
  readonly who: CompiledWho
  readonly except: readonly NameMatcher[]
  readonly ports: readonly PortRange[]
}

/** Whether some pattern of a list covers a name, at the cost of one walk however long the list. */
export interface NameMatcher {
  covers(name: Hostname): boolean
}

/** Whether a rule's ports and exceptions let it speak of this name and port. */
export function speaksOf(
  rule: CompiledRule,
  { name, port, protocol }: { name: Hostname; port: number; protocol: Protocol },
): boolean {
  return includesPort(rule.ports, port, protocol) && !isExcepted(rule, name)
}

export function isExcepted(rule: CompiledRule, name: Hostname): boolean {
  return rule.except.some((matcher) => matcher.covers(name))
}
