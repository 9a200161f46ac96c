import { formatRequester } from '../policy/requester.ts'
import { TunnelError } from '../tunnel/codes.ts'
import { writeContext } from '../tunnel/messages/open-context.ts'
import type { RelayFlow, RelayTunnel } from '../tunnel/relay.ts'
import { type Denial, deny, TOLD_CHARACTERS } from './gate/verdict.ts'
import type { Grant } from './gate.ts'
import type { Picked, PickedInstance, Registry } from './registry.ts'
import { type Books, Carried } from './route/carried.ts'

export interface RouteOptions {
  readonly registry: Pick<Registry<RelayTunnel>, 'pick' | 'pickInstance'>
  readonly books: Books
}

/** Leads granted flows to a connector. */
export class Route {
  readonly #options: RouteOptions

  constructor(options: RouteOptions) {
    this.#options = options
  }

  /**
   * Opens the flow at some connector that offers it, or says why it cannot. Another tunnel is tried
   * only while no connector has seen the OPEN: what was sent once is never sent twice. `holder` is
   * the process that may have the flow already, from an OPEN whose answer was lost.
   */
  open(flow: RelayFlow, grant: Grant, gateMicros: number, holder?: string): Denial | undefined {
    const { registry } = this.#options
    const { name, port, protocol } = grant.request
    if (holder !== undefined && this.resume(flow, grant, gateMicros, holder) === 'led') return
    const led = this.#lead(flow, grant, gateMicros, (gone) =>
      registry.pick(name, port, protocol, gone),
    )
    return led === 'led' ? undefined : NOWHERE[led]
  }

  /** Leads the flow to that very process, which has it; to no other. */
  resume(flow: RelayFlow, grant: Grant, gateMicros: number, instance: string): Resumed {
    const { registry } = this.#options
    const { name, port, protocol } = grant.request
    return this.#lead(flow, grant, gateMicros, (gone) =>
      registry.pickInstance(instance, name, port, protocol, gone),
    )
  }

  #lead<Kind extends string>(
    flow: RelayFlow,
    grant: Grant,
    gateMicros: number,
    pick: (gone: ReadonlySet<RelayTunnel>) => Chosen | { readonly kind: Kind },
  ): 'led' | Kind {
    let gone = NONE
    for (;;) {
      const picked = pick(gone)
      if (!isChosen(picked)) return picked.kind
      if (this.#connect(flow, grant, picked, gateMicros)) return 'led'
      gone = new Set([...gone, picked.tunnel])
    }
  }

  /** @returns false when that tunnel was gone before anything was sent over it */
  #connect(flow: RelayFlow, grant: Grant, picked: Chosen, gateMicros: number): boolean {
    const carried = new Carried(flow, grant, { ...picked, gateMicros }, this.#options.books)
    const before = flow.handlers
    flow.handlers = carried
    try {
      flow.connect(picked.tunnel, contextOf(grant), gateMicros)
    } catch (error) {
      flow.handlers = before
      if (error instanceof TunnelError) return false
      throw error
    }
    carried.enter(grant)
    return true
  }
}

export type Resumed = 'led' | Exclude<PickedInstance<RelayTunnel>['kind'], 'picked'>

const NONE: ReadonlySet<RelayTunnel> = new Set()

type Chosen = Extract<Picked<RelayTunnel>, { kind: 'picked' }>

const isChosen = (picked: Chosen | { readonly kind: string }): picked is Chosen =>
  picked.kind === 'picked'

/** What the connector is told, within the bounds of its reader (tunnel/messages/open-context.ts). */
function contextOf({ request, rule }: Grant): Uint8Array {
  const { who, session } = request
  const label = formatRequester(who).slice(0, 320)
  return writeContext({
    who: { kind: who.kind, label },
    rule: rule.slice(0, TOLD_CHARACTERS),
    session,
  })
}

const NOWHERE: Record<Exclude<Picked<RelayTunnel>['kind'], 'picked'>, Denial> = {
  'no-such-name': deny('no-such-name', 'nobody publishes that name'),
  'not-published': deny('not-published', 'nobody publishes that port'),
  'connector-down': deny('connector-down', 'no connector that publishes it is connected'),
}
