import type { ResetCode } from '../tunnel/codes.ts'
import type { Refusal } from './flow.ts'
import type { Way } from './way.ts'

type Refused = Pick<Refusal, 'code' | 'reason'>
/** A hostname, or for what byname does not own also an address. */
type Asked = { readonly name: string; readonly port: number }

/**
 * What a person reads: "bob@example.com may not reach wiki.corp.internal:80: no rule allows it".
 * One line, without control characters.
 */
export function sentenceOf(refusal: Refused, target: Asked, person: Way['person']): string {
  const { head, because } = phraseOf(refusal.code)
  const sentence = head(`${target.name}:${target.port}`, person.email ?? person.subject)
  return oneLine(`${sentence}: ${refusal.reason || because}`)
}

/** Says each sentence once per name, port and code, and again after `againMs` (60,000 by default). */
export function makeOnce(
  say: (sentence: string) => void,
  options: { readonly clock: () => number; readonly againMs?: number },
): (refusal: Refused, target: Asked, person: Way['person']) => void {
  const saidAt = new Map<string, number>()
  return (refusal, target, person) => {
    const key = `${target.name} ${target.port} ${refusal.code}`
    const now = options.clock()
    const last = saidAt.get(key)
    if (last !== undefined && now - last < (options.againMs ?? 60_000)) return
    if (saidAt.size >= MAX_REMEMBERED) saidAt.clear()
    saidAt.set(key, now)
    say(sentenceOf(refusal, target, person))
  }
}

const MAX_REMEMBERED = 1000

interface Phrase {
  readonly head: (where: string, who: string) => string
  /** Said when the edge gave no reason of its own. */
  readonly because: string
}

const mayNot = (because: string): Phrase => ({
  head: (where, who) => `${who} may not reach ${where}`,
  because,
})
const cannot = (because: string): Phrase => ({
  head: (where) => `cannot reach ${where}`,
  because,
})

const PHRASES: Partial<Record<ResetCode, Phrase>> = {
  'policy-denied': mayNot('no rule allows it'),
  unmet: mayNot('a condition of the rule is not met'),
  'policy-changed': mayNot('the policy changed'),
  'session-revoked': mayNot('the session was revoked'),
  'session-expired': mayNot('the session has ended; sign in again'),
  'origin-forbidden': cannot('its address is one that connectors do not dial'),
  'no-such-name': cannot('there is no such name'),
  'not-published': cannot('nobody publishes that port'),
  'connector-down': cannot('no connector that publishes it is connected'),
  'connector-revoked': cannot('its connector was revoked'),
  'origin-refused': cannot('it refused the connection'),
  'origin-timeout': cannot('it did not answer in time'),
  'origin-unreachable': cannot('there is no route to it from its connector'),
  'origin-no-such-name': cannot('its connector finds no address for the name'),
  'origin-dns-failed': cannot("the DNS at its connector's side failed"),
  'tunnel-lost': cannot('there is no connection to the edge'),
  'rate-limited': cannot('too many connections in a short time'),
  'over-budget': cannot('too many connections at once'),
}

const phraseOf = (code: ResetCode): Phrase => PHRASES[code] ?? cannot(code)

/** Reasons come from other machines: a terminal must not obey them, a log must not be split by them. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').slice(0, 500)
}
