import { Endpoint, FlowTable, type IncomingOpen, WindowBudget } from '../../../tunnel/endpoint.ts'
import { controlCodec } from '../../../tunnel/messages/control.ts'
import { readConnectorContext } from '../../../tunnel/messages/open-context.ts'
import type { Chance } from './chance.ts'
import { FEATURES, LIMITS, type SimEdge } from './edge.ts'
import type { Story } from './program.ts'
import type { SimTime } from './time.ts'
import { SimWire, type Weather } from './wire.ts'

export interface EndParts {
  readonly time: SimTime
  readonly chance: Chance
  readonly edges: readonly SimEdge[]
  readonly delayMs: number
  readonly lifeMs: number
  readonly tell?: Weather['tell']
}

/** Small windows, so that they matter. */
const smallBudget = () => new WindowBudget({ firstBytes: 48 * 1024, growthBytes: 96 * 1024 })

/** A connector process: a tunnel to every edge, dialled again when it is lost. */
export class SimConnector {
  readonly instance: string
  readonly table: FlowTable
  readonly budget = smallBudget()
  readonly #parts: EndParts
  readonly #stories: ReadonlyMap<string, Story>
  readonly endpoints = new Map<SimEdge, Endpoint>()

  constructor(instance: string, parts: EndParts, stories: ReadonlyMap<string, Story>) {
    const { time: clock, chance, lifeMs } = parts
    this.instance = instance
    this.#parts = parts
    this.#stories = stories
    const partyOf = (context: Uint8Array) => readConnectorContext(context).session
    this.table = new FlowTable({ clock, random: chance.next, lifeMs, partyOf })
    for (const edge of parts.edges) this.#dial(edge)
  }

  tick(now: number): void {
    for (const endpoint of this.endpoints.values()) endpoint.tick(now)
    this.table.tick(now)
  }

  #dial(edge: SimEdge): void {
    const { time, chance } = this.#parts
    if (!edge.isUp || edge.isDraining) {
      time.after(chance.next() * 2000, () => this.#dial(edge))
      return
    }
    const wire = new SimWire(this.#parts, `${this.instance} at ${edge.name}`)
    edge.attachConnector(wire, this.instance)
    const endpoint = new Endpoint({
      ...{ role: 'connector', link: wire.a, limits: LIMITS, features: FEATURES, clock: time },
      ...{ codec: controlCodec, flows: this.table, budget: this.budget },
      handlers: {
        incoming: (open) => this.#take(open),
        control: () => {},
        goAway: () => {},
        closed: () => time.after(chance.next() * 1500, () => this.#dial(edge)),
      },
    })
    this.endpoints.set(edge, endpoint)
  }

  /** Dialling an origin takes its time, or none. */
  #take(open: IncomingOpen): void {
    const { time, chance } = this.#parts
    const story = this.#stories.get(open.flowId)
    if (!story) return
    let isCancelled = false
    open.onCancelled = () => {
      isCancelled = true
    }
    const accept = () => {
      if (isCancelled) return
      if (story.far.flow) return open.refuse('internal', 'the model has one far program a flow')
      const info = { instance: this.instance, resolveMicros: 1, connectMicros: 1 }
      story.far.flow = open.accept(info, story.far)
      story.far.start()
    }
    if (chance.is(0.5)) accept()
    else time.after(chance.next() * 300, accept)
  }
}

/** A client process: at least one tunnel to some edge, and its flows brought back to it. */
export class SimClient {
  readonly session: string
  readonly table: FlowTable
  readonly budget = smallBudget()
  readonly endpoints = new Set<Endpoint>()
  readonly #parts: EndParts
  #waiting: Story[] = []
  #isDialling = false

  constructor(session: string, parts: EndParts) {
    const { time: clock, chance, lifeMs } = parts
    this.session = session
    this.#parts = parts
    this.table = new FlowTable({ clock, random: chance.next, lifeMs })
    this.table.onDetached = () => this.#hurry()
    this.#dial(undefined)
  }

  open(story: Story): void {
    const endpoint = this.#parts.chance.of(this.#open)
    if (endpoint) this.#ask(endpoint, story)
    else this.#waiting.push(story)
  }

  tick(now: number): void {
    for (const endpoint of this.endpoints) endpoint.tick(now)
    this.table.tick(now)
    this.#bringBack()
    if (this.#open.length === 0) this.#dial(undefined)
  }

  /** A second tunnel, and the flows of `old` over to it. */
  moveFrom(old: Endpoint): void {
    this.#dial(old)
  }

  get #open(): Endpoint[] {
    return [...this.endpoints].filter((endpoint) => endpoint.isOpen)
  }

  #hurry(): void {
    const { time, chance } = this.#parts
    time.after(chance.next() * 50, () => this.#bringBack())
  }

  #bringBack(): void {
    const endpoint = this.#parts.chance.of(this.#open)
    if (endpoint) this.table.resumeOn(endpoint)
    else if (this.table.detachedCount > 0) this.#dial(undefined)
  }

  #dial(old: Endpoint | undefined): void {
    const { time, chance, edges } = this.#parts
    if (this.#isDialling) return
    this.#isDialling = true
    time.after(chance.next() * 800, () => {
      this.#isDialling = false
      const edge = chance.of(edges.filter((one) => one.isUp && !one.isDraining))
      if (edge) this.#stand(edge, old)
      else this.#dial(old)
    })
  }

  #stand(edge: SimEdge, old: Endpoint | undefined): void {
    const wire = new SimWire(this.#parts, `${this.session} at ${edge.name}`)
    edge.attachClient(wire, this.session)
    const endpoint: Endpoint = new Endpoint({
      ...{ role: 'client', link: wire.a, limits: LIMITS, features: FEATURES },
      ...{ clock: this.#parts.time, codec: controlCodec, flows: this.table, budget: this.budget },
      handlers: {
        incoming: () => {},
        control: () => {},
        goAway: () => this.#dial(endpoint),
        doubted: () => this.#dial(endpoint),
        closed: () => {
          this.endpoints.delete(endpoint)
          if (this.#open.length === 0) this.#dial(undefined)
        },
      },
    })
    this.endpoints.add(endpoint)
    if (old) this.table.move(old, endpoint)
    this.table.resumeOn(endpoint)
    for (const story of this.#waiting.splice(0)) this.#ask(endpoint, story)
  }

  /** As a client does: what was not answered is asked again while none of its bytes has left. */
  #ask(endpoint: Endpoint, story: Story, attempt = 1): void {
    const { near } = story
    const failed = (end: { code: string; reason: string }) => {
      if (near.hasReset || near.isFinal) return
      const mayAskAgain = near.isSilent && attempt < 6
      if (mayAskAgain) {
        near.wait()
        this.#askLater(story, attempt + 1)
      } else {
        story.causes.add('unanswered')
        near.refused({ code: 'tunnel-lost', reason: end.reason })
      }
    }
    near.flow = endpoint.open(
      {
        ...{ flowId: story.id, name: 'db.corp.internal', port: 5432, protocol: 'tcp', attempt },
        context: NOTHING,
      },
      {
        opened: () => near.opened(),
        refused: failed,
        data: (chunk) => near.data(chunk),
        ended: () => near.ended(),
        drained: () => near.drained(),
        done: () => near.done(),
        reset: (end) => (near.wasOpened ? near.reset(end) : failed(end)),
      },
    )
    if (story.isEarly) near.start()
  }

  #askLater(story: Story, attempt: number): void {
    const { time, chance } = this.#parts
    time.after(chance.next() * 400, () => {
      const endpoint = chance.of(this.#open)
      if (story.near.hasReset) return
      if (endpoint) this.#ask(endpoint, story, attempt)
      else this.#askLater(story, attempt)
    })
  }
}

const NOTHING = new TextEncoder().encode('{"onRamp":"run"}')
