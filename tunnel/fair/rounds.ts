import { Ring, Seat } from './ring.ts'

/** Whose flows they are: a person's session, or the client that they come from. */
export type PartyKey = string | object

interface Party<Flow> {
  readonly key: PartyKey
  readonly flows: Ring<Flow>
}

/**
 * Whose turn it is to send: the parties go round, and in a party's turn its flows. A thousand flows of
 * one party get no more than one of another (SPEC.md §6.1).
 */
export class Rounds<Flow> {
  #parties = new Ring<Party<Flow>>()
  readonly #seats = new Map<PartyKey, Seat<Party<Flow>>>()
  #turnOf: Seat<Party<Flow>> | undefined
  #flows = 0

  get isEmpty(): boolean {
    return this.#flows === 0
  }

  /** The flow has something to send. */
  enter(flow: Seat<Flow>, key: PartyKey): void {
    if (flow.isTaken) return
    const party = this.#seatOf(key)
    this.#parties.enter(party)
    party.owner.flows.enter(flow)
    this.#flows += 1
  }

  next(): Seat<Flow> | undefined {
    for (;;) {
      const party = this.#parties.next()
      this.#turnOf = party
      if (party === undefined) return undefined
      const flow = party.owner.flows.next()
      if (flow !== undefined) return flow
      this.#parties.rest(party)
      if (!party.isTaken) this.#seats.delete(party.owner.key)
    }
  }

  /** The flow of the last `next` has sent so much. */
  spend(flow: Seat<Flow>, bytes: number): void {
    flow.leftBytes -= bytes
    if (this.#turnOf !== undefined) this.#turnOf.leftBytes -= bytes
  }

  /** The flow of the last `next` has nothing to send. */
  rest(flow: Seat<Flow>): void {
    this.#turnOf?.owner.flows.rest(flow)
    if (!flow.isTaken) this.#left()
  }

  leave(flow: Seat<Flow>): void {
    if (!flow.isTaken) return
    flow.list?.remove(flow)
    this.#left()
  }

  /** Parties without flows go when their turn comes, or with the last flow of all. */
  #left(): void {
    this.#flows -= 1
    if (this.#flows > 0) return
    this.#parties = new Ring()
    this.#seats.clear()
  }

  #seatOf(key: PartyKey): Seat<Party<Flow>> {
    const known = this.#seats.get(key)
    if (known !== undefined) return known
    const seat = new Seat<Party<Flow>>({ key, flows: new Ring<Flow>() })
    this.#seats.set(key, seat)
    return seat
  }
}
