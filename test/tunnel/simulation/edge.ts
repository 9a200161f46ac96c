import { TunnelError } from '../../../tunnel/codes.ts'
import { DEFAULT_LIMITS } from '../../../tunnel/limits.ts'
import { controlCodec } from '../../../tunnel/messages/control.ts'
import { writeContext } from '../../../tunnel/messages/open-context.ts'
import {
  Relay,
  type RelayFlow,
  type RelayFlowHandlers,
  type RelayHandlers,
  type RelayTunnel,
} from '../../../tunnel/relay.ts'
import type { Chance } from './chance.ts'
import type { SimTime } from './time.ts'
import type { SimWire } from './wire.ts'

export const LIMITS = { ...DEFAULT_LIMITS, initialWindowBytes: 24 * 1024, earlyBytes: 64 * 1024 }
export const FEATURES = ['resume', 'received']

interface Held {
  readonly flow: RelayFlow
  readonly session: string
  isOver: boolean
}

interface Live {
  readonly flow: RelayFlow
  readonly session: string
  /** The connector has said that it is this session's. */
  isAnswered: boolean
}

const HOLD_MS = 10_000

/** An edge with a gate that lets everybody in, doing with RESUME what edge/ does. */
export class SimEdge {
  readonly name: string
  readonly #time: SimTime
  readonly #chance: Chance
  /** Flows that were given back to their clients. */
  resumed = 0
  #relay: Relay
  /** Counts its starts. */
  #life = 0
  isUp = true
  isDraining = false
  readonly live = new Map<string, Live>()
  readonly #held = new Set<Held>()
  readonly #connectors = new Map<string, Set<RelayTunnel>>()
  readonly tunnels = new Set<RelayTunnel>()
  readonly wires = new Set<SimWire>()

  constructor(name: string, time: SimTime, chance: Chance) {
    this.name = name
    this.#time = time
    this.#chance = chance
    this.#relay = this.#newRelay()
  }

  attachClient(wire: SimWire, session: string): void {
    const life = this.#life
    const handlers: RelayHandlers = {
      open: (flow) => this.#open(flow, session),
      resume: (flow) => this.#resume(flow, session),
      control: () => {},
      closed: () => this.#gone(life, wire, () => tunnel),
    }
    this.wires.add(wire)
    const tunnel = this.#relay.attach(wire.b, 'client', handlers, FEATURES)
    this.tunnels.add(tunnel)
  }

  attachConnector(wire: SimWire, instance: string): void {
    const life = this.#life
    const own = this.#connectors.get(instance) ?? new Set()
    this.#connectors.set(instance, own)
    const handlers: RelayHandlers = {
      open: () => {},
      control: () => {},
      closed: () => {
        own.delete(tunnel)
        this.#gone(life, wire, () => tunnel)
      },
    }
    this.wires.add(wire)
    const tunnel = this.#relay.attach(wire.b, 'connector', handlers, FEATURES)
    own.add(tunnel)
    this.tunnels.add(tunnel)
    for (const held of [...this.#held]) this.#tryHeld(held)
  }

  /** kill -9: nobody is told. */
  kill(): void {
    this.isUp = false
    this.isDraining = false
    this.#life += 1
    for (const wire of this.wires) {
      wire.b.die()
      wire.cut()
    }
    for (const all of [this.wires, this.tunnels, this.#connectors, this.live, this.#held])
      all.clear()
    this.#relay = this.#newRelay()
  }

  start(): void {
    this.isUp = true
  }

  drain(): void {
    this.isDraining = true
    for (const tunnel of this.tunnels) tunnel.goAway('drain', 500)
  }

  tick(now: number): void {
    for (const tunnel of [...this.tunnels]) tunnel.tick(now)
  }

  #newRelay(): Relay {
    return new Relay({ clock: this.#time, codec: controlCodec, limits: LIMITS })
  }

  #gone(life: number, wire: SimWire, tunnel: () => RelayTunnel): void {
    if (life !== this.#life) return
    this.wires.delete(wire)
    // A link that was closed before it was attached says so at once.
    queueMicrotask(() => this.tunnels.delete(tunnel()))
  }

  #open(flow: RelayFlow, session: string): void {
    if (!this.#makeWay(flow, session)) {
      flow.refuse('protocol-error', 'taken')
      return
    }
    this.#later(() => {
      const tunnels = [...this.#connectors.values()].flatMap((own) => [...own])
      const target = this.#chance.of(tunnels)
      if (target) this.#connect(flow, session, target)
      else flow.refuse('connector-down', 'no connector')
    })
  }

  #resume(flow: RelayFlow, session: string): void {
    if (!this.#makeWay(flow, session)) {
      flow.refuse('resume-mismatch', 'there is a newer one')
      return
    }
    const held: Held = { flow, session, isOver: false }
    flow.handlers = { closed: () => this.#drop(held), detached: () => this.#drop(held) }
    this.#held.add(held)
    this.#later(() => this.#tryHeld(held))
    this.#time.after(HOLD_MS, () => {
      if (!this.#drop(held)) return
      flow.refuse('connector-not-here', 'it did not come back')
    })
  }

  /**
   * An older attachment of the same flow gives way; @returns false when this one must. Whoever was
   * not answered by a connector yet, and is another session, is in nobody's way.
   */
  #makeWay({ flowId, name, attempt }: RelayFlow, session: string): boolean {
    const old = this.live.get(flowId)
    if (!old || (old.session !== session && !old.isAnswered)) return true
    if (old.session !== session || old.flow.name !== name) return false
    if (old.flow.attempt >= attempt) return false
    old.flow.detach('it comes back')
    return true
  }

  #tryHeld(held: Held): void {
    if (held.isOver) return
    const own = this.#connectors.get(held.flow.instance ?? '')
    const target = this.#chance.of([...(own ?? [])])
    if (!target || !this.#drop(held)) return
    this.#connect(held.flow, held.session, target)
  }

  #drop(held: Held): boolean {
    if (held.isOver) return false
    held.isOver = true
    return this.#held.delete(held)
  }

  #connect(flow: RelayFlow, session: string, target: RelayTunnel): void {
    const live: Live = { flow, session, isAnswered: false }
    const leave = () => {
      if (this.live.get(flow.flowId) === live) this.live.delete(flow.flowId)
    }
    const answered = () => {
      live.isAnswered = true
    }
    const handlers: RelayFlowHandlers = {
      closed: leave,
      detached: leave,
      opened: answered,
      resumed: () => {
        this.resumed++
        answered()
      },
    }
    flow.handlers = handlers
    const who = { kind: 'person', label: session } as const
    try {
      flow.connect(target, writeContext({ who, rule: 'all', session }), 1)
      this.live.set(flow.flowId, live)
    } catch (error) {
      if (!(error instanceof TunnelError)) throw error
      if (error.code === 'cancelled') return
      flow.refuse(flow.kind === 'open' ? 'connector-down' : 'connector-not-here', error.message)
    }
  }

  /** Judging takes its time, or none. */
  #later(task: () => void): void {
    const life = this.#life
    if (this.#chance.is(0.5)) {
      task()
      return
    }
    this.#time.after(this.#chance.next() * 20, () => {
      if (life === this.#life) task()
    })
  }
}
