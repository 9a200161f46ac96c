import { TYPE } from '../../../tunnel/frames/frame.ts'
import { resumeFrame } from '../../../tunnel/frames/resume.ts'
import { Chance } from './chance.ts'
import { SimEdge } from './edge.ts'
import { type EndParts, SimClient, SimConnector } from './ends.ts'
import { type Cause, ModelError, type Program, Story } from './program.ts'
import { teller } from './teller.ts'
import { SimTime } from './time.ts'
import { SimWire } from './wire.ts'

export interface Outcome {
  readonly seed: number
  /** Undefined when the model and the machines agree. */
  readonly failure: string | undefined
  readonly flows: number
  readonly broken: number
  readonly resumed: number
}

const CHAOS_MS = 8000
/** Detached lives, tombstones and the slowest liveness are over by then. */
const MOST_MS = 400_000

/** One story of clients, edges and connectors under bad weather, all of it out of one seed. */
export class World {
  readonly #seed: number
  readonly #chance: Chance
  readonly #time = new SimTime()
  readonly #parts: EndParts
  readonly #edges: readonly SimEdge[]
  readonly #clients: readonly SimClient[]
  readonly #connectors: readonly SimConnector[]
  readonly #stories = new Map<string, Story>()
  readonly #owners = new Map<Story, SimClient>()
  readonly #isLifeShort: boolean

  /** `log`: hears the story, for people. */
  constructor(seed: number, log?: (line: string) => void) {
    const chance = new Chance(seed)
    const time = this.#time
    this.#seed = seed
    this.#chance = chance
    this.#isLifeShort = chance.is(0.1)
    this.#edges = Array.from(
      { length: chance.whole(1, 2) },
      (_, n) => new SimEdge(`edge-${n}`, time, chance),
    )
    const delayMs = chance.is(0.5) ? 2 : chance.is(0.5) ? 40 : 250
    const lifeMs = this.#isLifeShort ? 3000 : 120_000
    this.#parts = { time, chance, edges: this.#edges, delayMs, lifeMs, tell: teller(time, log) }
    this.#connectors = Array.from(
      { length: chance.whole(1, 2) },
      (_, n) => new SimConnector(`hq-${n}`, this.#parts, this.#stories),
    )
    this.#clients = Array.from(
      { length: chance.whole(1, 2) },
      (_, n) => new SimClient(`session-${n}`, this.#parts),
    )
    this.#plan()
  }

  run(): Outcome {
    let failure: string | undefined
    try {
      this.#play()
      this.#check()
    } catch (error) {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
      if (error instanceof ModelError) failure = error.message
    }
    const stories = [...this.#stories.values()]
    const broken = stories.filter((story) => story.causes.size > 0).length
    const resumed = this.#edges.reduce((sum, edge) => sum + edge.resumed, 0)
    return { seed: this.#seed, failure, flows: stories.length, broken, resumed }
  }

  #plan(): void {
    const chance = this.#chance
    for (let n = chance.whole(1, 6); n > 0; n--) {
      this.#at(chance.next() * 3000, () => this.#begin(n))
    }
    for (let n = chance.whole(0, 9); n > 0; n--) {
      this.#at(200 + chance.next() * (CHAOS_MS - 200), () => this.#strike())
    }
    this.#at(1000, () => this.#tick())
  }

  #at(delayMs: number, task: () => void): void {
    this.#time.after(delayMs, task)
  }

  #begin(n: number): void {
    const id = (this.#seed * 64 + n).toString(16).padStart(32, '0')
    const story = new Story(id, this.#seed + n, this.#chance, this.#time)
    const client = this.#chance.of(this.#clients) as SimClient
    this.#stories.set(id, story)
    this.#owners.set(story, client)
    if (this.#isLifeShort) story.causes.add('kept-apart')
    client.open(story)
  }

  #strike(): void {
    const chance = this.#chance
    const edge = chance.of(this.#edges) as SimEdge
    const wire = chance.of([...edge.wires])
    const story = chance.of([...this.#stories.values()])
    const blows = [
      () => wire?.cut(),
      () => wire?.cut(),
      () => wire?.halve(),
      () => this.#restart(edge),
      () => this.#drain(edge),
      () => this.#move(),
      () => story && this.#haunt(story, edge),
      () => story && chance.is(0.4) && this.#cut(story),
      () => chance.is(0.4) && story?.near.giveUp(),
      () => chance.is(0.4) && story?.far.giveUp(),
    ]
    chance.of(blows)?.()
  }

  #restart(edge: SimEdge): void {
    if (!edge.isUp) return
    edge.kill()
    this.#at(200 + this.#chance.next() * 4000, () => edge.start())
  }

  #drain(edge: SimEdge): void {
    if (!edge.isUp || edge.isDraining) return
    edge.drain()
    this.#at(500 + this.#chance.next() * 3000, () => this.#restart(edge))
  }

  /** Two tunnels at once, and the flows over from one to the other. */
  #move(): void {
    const client = this.#chance.of(this.#clients)
    const endpoint = client && this.#chance.of([...client.endpoints])
    if (client && endpoint) client.moveFrom(endpoint)
  }

  #cut(story: Story): void {
    for (const edge of this.#edges) {
      const live = edge.live.get(story.id)
      if (!live) continue
      story.causes.add('cut')
      live.flow.reset('policy-changed', 'the policy changed')
    }
  }

  /** A RESUME that is late, or of somebody else, or under another name: it must get nothing. */
  #haunt(story: Story, edge: SimEdge): void {
    if (!edge.isUp || edge.isDraining) return
    const owner = this.#owners.get(story)?.session ?? ''
    const kind = this.#chance.whole(0, 2)
    const wire = new SimWire(this.#parts, `a ghost at ${edge.name}`)
    edge.attachClient(wire, kind === 0 ? 'mallory' : owner)
    // Its own client under another name: that may cost the person's own flow, and nothing more.
    if (kind === 1) story.causes.add('haunted')
    const name = kind === 1 ? 'other.corp.internal' : 'db.corp.internal'
    const attempt = kind === 2 ? 1 : 1000
    wire.a.onMessage = (message) => {
      if (message[0] === TYPE.RESUMED) throw new ModelError(`${story.id}: a ghost got the flow`)
    }
    const instance = this.#connectors[0]?.instance ?? ''
    const asked = { flowId: story.id, attempt, received: 0, limit: 65_536, hasFin: false }
    const context = new TextEncoder().encode('{"onRamp":"run"}')
    const about = { name, port: 5432, protocol: 'tcp', instance, context } as const
    wire.a.send(resumeFrame(1, { ...asked, ...about }))
    this.#at(12_000, () => wire.a.terminate())
  }

  #tick(): void {
    const now = this.#time.now()
    for (const one of [...this.#edges, ...this.#connectors, ...this.#clients]) one.tick(now)
    this.#at(1000, () => this.#tick())
  }

  #play(): void {
    const start = this.#time.now()
    let steps = 0
    while (this.#time.step(start + MOST_MS)) {
      if (++steps % 4096 === 0 && steps > 3_000_000) throw new ModelError('it never settles')
      const isCalm = this.#time.now() > start + CHAOS_MS + 14_000
      if (isCalm && steps % 16 === 0 && this.#isQuiet) return
    }
  }

  get #isQuiet(): boolean {
    const isOver = [...this.#stories.values()].every(
      ({ near, far }) => near.isFinal && (far.isFinal || !far.flow),
    )
    return isOver && this.#leftovers().length === 0
  }

  #check(): void {
    for (const story of this.#stories.values()) this.#checkStory(story)
    const left = this.#leftovers()
    if (left.length > 0) throw new ModelError(`left behind: ${left.join(', ')}`)
  }

  #leftovers(): string[] {
    const left: string[] = []
    const count = (what: string, n: number) => n > 0 && left.push(`${n} ${what}`)
    for (const { table, budget } of [...this.#clients, ...this.#connectors]) {
      count('flows in a table', table.flowCount)
      count('detached flows', table.detachedCount)
      count('flows in a budget', budget.flows)
    }
    for (const edge of this.#edges) {
      count('live flows at an edge', edge.live.size)
      for (const tunnel of edge.tunnels) count('flows of a tunnel', tunnel.flowCount)
    }
    return left
  }

  #checkStory(story: Story): void {
    const { near, far, causes, id } = story
    const say = (program: Program) => {
      const { side, end, refusal, isDone, received, other } = program
      const how = isDone ? 'done' : (end?.code ?? refusal?.code ?? 'nothing')
      return `${side}: ${how}, ${received} of ${other?.total}`
    }
    const fail = (what: string) => {
      const why = [...causes].join(' ') || 'nothing happened to it'
      throw new ModelError(`${id} ${what} (${say(near)}; ${say(far)}; ${why})`)
    }
    if (!near.isFinal) fail('never ends at the client')
    if (far.flow && !far.isFinal) fail('never ends at the connector')
    if (near.wasOpened && near.isDone) {
      if (far.received !== near.total || near.received !== far.total) fail('lost bytes')
      if (!far.isDone && far.end?.code !== 'detached-too-long' && causes.size === 0) {
        fail('was broken off at the connector')
      }
    } else if (causes.size === 0) fail('was broken off')
    for (const { end } of [near, far]) {
      if (end && !EXPLAINED[end.code]?.some((cause) => cause === 'any' || causes.has(cause))) {
        fail(`ended with ${end.code}: ${end.reason}`)
      }
    }
  }
}

/** What may be the end of a flow, and what must have happened to it then. */
const EXPLAINED: Record<string, readonly (Cause | 'any')[]> = {
  cancelled: ['client-reset'],
  'origin-reset': ['connector-reset'],
  'policy-changed': ['cut'],
  // A tombstone of a short life is gone when a client notices an idle loss.
  'resume-mismatch': ['haunted', 'kept-apart'],
  // The edge ends an OPEN whose client is gone, though the connector has just answered it.
  'tunnel-lost': ['unanswered', 'client-reset'],
  // The other side has ended it, or all of it is done, and its word was lost.
  'detached-too-long': ['any'],
}

/** Plays the story of one seed. */
export const simulate = (seed: number, log?: (line: string) => void): Outcome =>
  new World(seed, log).run()
