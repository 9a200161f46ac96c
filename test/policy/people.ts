import { parseHostname } from '../../names/hostname.ts'
import { compile } from '../../policy/compile.ts'
import { decide } from '../../policy/decide.ts'
import { ANY_WORLD, type Decision, type PolicyRequest } from '../../policy/decision.ts'
import { parsePolicy } from '../../policy/parse.ts'
import type { PersonRequester, Requester } from '../../policy/requester.ts'

/** A person of the provider okta, with its claims. */
export function person(
  email: string | undefined,
  claims: Record<string, unknown> = {},
  unknown: readonly string[] = [],
): PersonRequester {
  const unknownClaims = new Map([['okta', new Set(unknown)]])
  const known = new Map([['okta', claims]])
  return {
    kind: 'person',
    issuer: 'okta',
    subject: email ?? 'x',
    email,
    claims: known,
    unknownClaims,
  }
}

/** `wiki.corp.internal:443` or `ns.corp.internal:udp/53` as a request. */
export function requestFor(who: Requester, target: string): PolicyRequest {
  const [, name = '', protocol = 'tcp', port = ''] =
    /^(.*):(?:(tcp|udp)\/)?(\d+)$/.exec(target) ?? []
  return {
    who,
    name: parseHostname(name),
    port: Number(port),
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    now: 0,
  }
}

/** What a document says of one request, in a world where everything is published. */
export function ask(text: string, who: Requester, target: string): Decision {
  const policy = compile(parsePolicy(text, 'policy.yaml'))
  return decide(policy, requestFor(who, target), ANY_WORLD)
}

/** A decision in a few words: `allow by wiki`, `deny no-rule`. */
export function briefly(decision: Decision): string {
  if (decision.kind === 'allow') return `allow by ${decision.rule}`
  switch (decision.why) {
    case 'no-rule':
      return 'deny no-rule'
    case 'unmet':
      return `deny unmet by ${decision.rule}: ${decision.conditions.join(', ')}`
    default:
      return `deny ${decision.why} by ${decision.rule}`
  }
}
