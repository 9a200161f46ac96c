/** A mistake that somebody might make: in `file`, `wrong` in the place of `right`. */
export interface Bug {
  readonly what: string
  readonly file: string
  readonly right: string
  readonly wrong: string
  /** A seed that shows it, to begin with; when it does not any more, all are tried. */
  readonly seed: number
}

/** The simulation must find each of these. */
export const BUGS: readonly Bug[] = [
  {
    what: 'a rewind does not go back to what the other end expects',
    seed: 1,
    file: 'endpoint/sending.ts',
    right: 'this.#next = Math.min(received, this.#end)',
    wrong: '',
  },
  {
    what: 'a FIN that was lost is not sent again',
    seed: 1,
    file: 'endpoint/sending.ts',
    right: 'this.#finSent = received > this.#end',
    wrong: '',
  },
  {
    what: 'a limit that is restated lower is taken for an old one',
    seed: 65,
    file: 'endpoint/sending.ts',
    right: 'this.#limit = limit\n    this.#isRewound',
    wrong: 'this.#limit = Math.max(limit, this.#limit)\n    this.#isRewound',
  },
  {
    what: 'an attempt that was used before is taken once more',
    seed: 626,
    file: 'endpoint/return.ts',
    right: 'asked.attempt > flow.attempt',
    wrong: 'asked.attempt >= flow.attempt',
  },
  {
    what: 'another session gets the flow',
    seed: 617,
    file: 'endpoint/return.ts',
    right: 'party === undefined || flow.party !== party',
    wrong: 'party === undefined',
  },
  {
    what: 'a flow comes back under another name',
    seed: 156,
    file: 'endpoint/return.ts',
    right: 'name === asked.name && port',
    wrong: 'port',
  },
  {
    what: 'how a flow ended is forgotten at once',
    seed: 11,
    file: 'endpoint/flow-table.ts',
    right: 'if (!flow.isOpener) this.#stones.add(flow.id, flow.party, end, this.#clock.now())',
    wrong: '',
  },
  {
    what: 'detached flows live for ever',
    seed: 12,
    file: 'endpoint/flow-table.ts',
    right: 'if (now - wait.since >= this.#lifeMs) flow.fail(TOO_LONG)',
    wrong: 'if (now < 0) flow.fail(TOO_LONG)',
  },
  {
    what: 'a flow that one edge could not take back is never asked for again',
    seed: 1,
    file: 'endpoint/flow-table.ts',
    right: 'wait.asked = undefined\n    wait.dueAt',
    wrong: 'wait.dueAt',
  },
  {
    what: 'the older attachment goes on beside the newer',
    seed: 95,
    file: 'endpoint/end-flow.ts',
    right: 'this.sending.rewind(asked.received, asked.limit)\n    this.leave()',
    wrong: 'this.sending.rewind(asked.received, asked.limit)',
  },
  {
    what: 'a program that gives up while detached is forgotten',
    seed: 54,
    file: 'endpoint/end-flow.ts',
    right: 'if (gaveUp) this.#sayGivenUp(gaveUp)\n    else this.goOn()',
    wrong: 'this.goOn()',
  },
  {
    what: 'the budget is not given back',
    seed: 1,
    file: 'endpoint/receiving.ts',
    right: 'this.#budget.leave()',
    wrong: '',
  },
  {
    what: 'the edge resets the flows of a tunnel that is lost',
    seed: 1,
    file: 'relay/flow.ts',
    right: 'if (this.#canGoOn(from)) {',
    wrong: 'if (false) {',
  },
  {
    what: 'the edge does not count the FIN of a flow that is resumed',
    seed: 1,
    file: 'relay/direction.ts',
    right: 'if (hasFin) this.finish(this.offset)',
    wrong: '',
  },
  {
    what: 'the edge grants what the receiver would not take',
    seed: 30,
    file: 'relay/direction.ts',
    right: 'Math.max(this.#granted, Math.min(this.#limit, this.#writtenOut + share))',
    wrong: 'Math.max(this.#granted, this.#writtenOut + share)',
  },
]
