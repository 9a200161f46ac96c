import type { FlowTarget, Refusal } from './flow.ts'
import type { Way } from './way.ts'

/**
 * What a person reads: "bob@example.com may not reach wiki.corp.internal:80: no rule allows it".
 * One line, without control characters.
 */
export declare function sentenceOf(
  refusal: Refusal,
  target: Pick<FlowTarget, 'name' | 'port'>,
  person: Way['person'],
): string

/** Says each sentence once per name, port and code, and again after `againMs` (60,000 by default). */
export declare function makeOnce(
  say: (sentence: string) => void,
  options: { readonly clock: () => number; readonly againMs?: number },
): (refusal: Refusal, target: Pick<FlowTarget, 'name' | 'port'>, person: Way['person']) => void
