import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { openedFrame, openFrame, refusedFrame } from '../../tunnel/frames/open.ts'
import {
  bodyFrame,
  CREDIT_FRAME_BYTES,
  FIN_FRAME_BYTES,
  putCredit,
  putFin,
  resetFrame,
} from '../../tunnel/frames/write.ts'
import { controlCodec } from '../../tunnel/messages/control.ts'
import { LegTunnel } from '../../tunnel/relay/leg.ts'
import { Relay } from '../../tunnel/relay.ts'
import { ManualClock, settle, Wire } from './doubles.ts'
import { ACCEPT, EdgeSide, request } from './house.ts'

const KIB = 1024
const WINDOW = 256 * KIB
/** Both bounds of tunnel/relay/queue.ts. */
const HELD_BYTES = 56 * 1024 * 1024
const NOTHING = new Uint8Array(0)

/** Two clients and two connectors that are nothing but frames: the relay has no honest end. */
class Hostile {
  readonly clock = new ManualClock()
  readonly wires = [new Wire(), new Wire(), new Wire(), new Wire()]
  readonly sides: EdgeSide[]
  /** What OPENs meet: connected at once, to a connector that is drawn, or held until `answer`. */
  gate: 'connect' | 'hold' | 'refuse' = 'connect'
  #to = 0
  /** Used so far: a frame of any other would end the tunnel and the run with it. */
  readonly #streams = [0, 0, 0, 0]

  constructor() {
    const relay = new Relay({ clock: this.clock, codec: controlCodec })
    this.sides = this.wires.map(
      (wire, i) => new EdgeSide(relay, i < 2 ? 'client' : 'connector', wire),
    )
    for (const side of this.sides) {
      side.onOpen = (flow) => {
        if (this.gate === 'refuse') flow.refuse('policy-denied', '')
        else if (this.gate === 'connect') this.answer(this.sides.indexOf(side), this.#to)
      }
    }
  }

  setGate(gate: Hostile['gate']): void {
    this.gate = gate
  }

  open(from: number, to: number, sendLimit: number, receiveLimit: number): void {
    const stream = this.#next(from)
    this.#to = to
    const limits = { sendLimit, receiveLimit, attempt: 1 }
    this.frame(from, openFrame(stream, { ...request(stream), ...limits }))
  }

  /** Connects whatever waits; a connector that is gone throws, as the edge knows. */
  answer(from: number, to: number): void {
    for (const flow of this.sides[from]?.opens.splice(0) ?? []) {
      try {
        flow.connect((this.sides[2 + to] as EdgeSide).tunnel, NOTHING, 0)
        this.#next(2 + to)
      } catch {
        flow.refuse('connector-down', '')
      }
    }
  }

  frame(at: number, frame: Uint8Array): void {
    const link = (this.wires[at] as Wire).b
    if (!link.closed) link.onMessage?.(frame)
  }

  /** On one of the streams there are. */
  onFlow(at: number, n: number, make: (stream: number) => Uint8Array): void {
    const used = this.#streams[at] ?? 0
    if (used > 0) this.frame(at, make(1 + (n % used)))
  }

  lose(at: number): void {
    ;(this.wires[at] as Wire).b.lose({ code: 'tunnel-lost', reason: '', by: 'network' })
  }

  cut(at: number): void {
    for (const flow of this.sides[at]?.tunnel.flows ?? []) flow.reset('policy-changed', '')
  }

  /** All goes out; what arrives at the other end is dropped. */
  takeAll(at: number): void {
    const wire = this.wires[at] as Wire
    wire.a.onMessage = () => {}
    settle(this.clock, [wire])
  }

  #next(at: number): number {
    const stream = (this.#streams[at] ?? 0) + 1
    this.#streams[at] = stream
    return stream
  }

  check(): void {
    for (const { tunnel } of this.sides) {
      assert.ok(tunnel instanceof LegTunnel)
      const { committedBytes } = tunnel.queue
      assert.ok(committedBytes >= 0, `${committedBytes} bytes are committed`)
      const bound = HELD_BYTES + tunnel.flowCount * WINDOW
      assert.ok(committedBytes + tunnel.outbox.queuedBytes <= bound)
      if (tunnel.flowCount === 0) assert.equal(committedBytes, 0, 'nobody may send, all came')
    }
  }
}

function creditFrame(stream: number, received: number, limit: number): Uint8Array {
  const frame = new Uint8Array(CREDIT_FRAME_BYTES)
  putCredit(frame, 0, stream, received, limit)
  return frame
}

function finFrame(stream: number, offset: number): Uint8Array {
  const frame = new Uint8Array(FIN_FRAME_BYTES)
  putFin(frame, 0, stream, offset)
  return frame
}

type Step = (house: Hostile) => void
const at = fc.nat(3)
const two = fc.nat(1)
const stream = fc.integer({ min: 1, max: 6 })
const window = fc.constantFrom(0, 1, 16 * KIB, WINDOW)
const bytes = fc.constantFrom(1, 1000, 16 * KIB, 64 * KIB)
/** Small offsets are often the right ones: most streams carry a few whole chunks. */
const offset = fc.constantFrom(0, 1, 1000, 1001, 16 * KIB, 64 * KIB, WINDOW, 2 ** 40)

const OPENED = { ...ACCEPT, gateMicros: 0, relayMicros: 0 }
const REFUSED = { code: 'origin-refused', reason: '', facts: {} } as const

const onFlow = fc
  .oneof(
    {
      weight: 6,
      arbitrary: bytes.map((n) => (id: number) => bodyFrame(TYPE.DATA, id, new Uint8Array(n))),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(offset, offset).map(
        ([a, b]) =>
          (id: number) =>
            creditFrame(id, a, b),
      ),
    },
    {
      weight: 4,
      arbitrary: fc.oneof(fc.constant(0), offset).map((n) => (id: number) => finFrame(id, n)),
    },
    { weight: 1, arbitrary: fc.constant((id: number) => resetFrame(id, 'cancelled', '')) },
    { weight: 3, arbitrary: fc.constant((id: number) => openedFrame(id, OPENED)) },
    { weight: 1, arbitrary: fc.constant((id: number) => refusedFrame(id, REFUSED)) },
  )
  .chain((make) =>
    fc.tuple(at, stream).map(
      ([i, id]): Step =>
        (house) =>
          house.onFlow(i, id, make),
    ),
  )

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: onFlow },
  {
    weight: 5,
    arbitrary: fc.tuple(two, two, window, window).map(
      ([from, to, up, down]): Step =>
        (house) =>
          house.open(from, to, up, down),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Hostile['gate']>('connect', 'hold', 'refuse').map(
      (gate): Step =>
        (house) =>
          house.setGate(gate),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(two, two).map(
      ([a, b]): Step =>
        (house) =>
          house.answer(a, b),
    ),
  },
  {
    weight: 3,
    arbitrary: at.map(
      (i): Step =>
        (house) =>
          house.takeAll(i),
    ),
  },
  {
    weight: 1,
    arbitrary: at.map(
      (i): Step =>
        (house) =>
          house.cut(i),
    ),
  },
  {
    weight: 1,
    arbitrary: at.map(
      (i): Step =>
        (house) =>
          house.lose(i),
    ),
  },
)

test('whatever comes in whatever order, what is granted is given back, and once', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), at, (plan, last) => {
      const house = new Hostile()
      for (const step of plan) {
        step(house)
        house.check()
      }
      for (let i = 0; i < 4; i++) {
        house.lose((last + i) % 4)
        house.check()
      }
      for (const { tunnel } of house.sides) assert.equal(tunnel.flowCount, 0)
    }),
    { numRuns: 2000 },
  )
})

test('after FIN nothing is committed, also when it came before the flow was connected', () => {
  for (const gate of ['hold', 'connect'] as const) {
    const house = new Hostile()
    house.setGate(gate)
    house.open(0, 0, WINDOW, 0)
    house.frame(0, bodyFrame(TYPE.DATA, 1, new Uint8Array(1000)))
    house.frame(0, finFrame(1, 1000))
    house.answer(0, 0)
    house.frame(2, openedFrame(1, OPENED))
    house.frame(2, creditFrame(1, 1001, 10 * WINDOW))
    const { tunnel } = house.sides[2] as EdgeSide
    assert.ok(tunnel instanceof LegTunnel)
    assert.equal(tunnel.flowCount, 1)
    assert.equal(tunnel.queue.committedBytes, 0)
  }
})
