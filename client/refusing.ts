import type { FlowHandlers, Refusal } from './flow.ts'

/** The same handlers with another answer to a refusal. (They may be an object of any class.) */
export function withRefused(
  handlers: FlowHandlers,
  refused: (refusal: Refusal) => void,
): FlowHandlers {
  return {
    opened: (info) => handlers.opened?.(info),
    refused,
    data: (chunk) => handlers.data(chunk),
    ended: () => handlers.ended(),
    reset: (end) => handlers.reset(end),
    drained: () => handlers.drained(),
    done: () => handlers.done?.(),
  }
}
