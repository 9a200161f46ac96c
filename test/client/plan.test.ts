import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bestOf,
  edgesToAvoid,
  type Situation,
  type Step,
  stepsFor,
  type TunnelView,
  wantsAnother,
} from '../../client/way/plan.ts'

interface Named extends TunnelView {
  readonly id: string
}

const NOW = 1_000_000
const tunnel = (id: string, more: Partial<TunnelView> = {}): Named => ({
  ...{ id, edgeUrl: `https://${id}`, since: NOW - 60_000, isOpen: true, flowCount: 1 },
  ...{ canResume: true, doubtedAt: undefined, moveAt: undefined },
  ...more,
})

const situation = (tunnels: Named[], more: Partial<Situation<Named>> = {}): Situation<Named> => ({
  ...{ tunnels, now: NOW, detached: 0, strandedAt: new Set() },
  ...more,
})

/** A step in a word: `move a>b`. */
const said = (step: Step<Named>): string => {
  switch (step.kind) {
    case 'move':
      return `move ${step.from.id}>${step.to.id}`
    case 'resume':
      return `resume ${step.on.id}`
    default:
      return `${step.kind} ${step.tunnel.id}`
  }
}

const doubted = (ms: number) => ({ doubtedAt: NOW - ms })
const draining = (inMs: number) => ({ isOpen: false, moveAt: NOW + inMs })
const [a, b] = [tunnel('a'), tunnel('b')]

const TABLE: readonly {
  readonly when: string
  readonly is: Situation<Named>
  readonly best?: string
  readonly another: boolean
  readonly steps: readonly string[]
}[] = [
  { when: 'there is no tunnel', is: situation([]), another: true, steps: [] },
  { when: 'one is well', is: situation([a]), best: 'a', another: false, steps: [] },
  {
    when: 'the only one is in doubt',
    is: situation([tunnel('a', doubted(30_000))]),
    another: true,
    steps: [],
  },
  {
    when: 'the first is in doubt and a second stands',
    is: situation([tunnel('a', doubted(1_000)), b]),
    best: 'b',
    another: false,
    steps: ['move a>b'],
  },
  {
    when: 'the first is silent even then',
    is: situation([tunnel('a', doubted(6_000)), b]),
    best: 'b',
    another: false,
    steps: ['lose a'],
  },
  {
    when: 'the flows of the one in doubt could not go on elsewhere',
    is: situation([tunnel('a', { ...doubted(30_000), canResume: false }), b]),
    best: 'b',
    another: false,
    steps: [],
  },
  {
    when: 'the younger one is in doubt, the older one well',
    is: situation([a, tunnel('b', doubted(1_000))]),
    best: 'a',
    another: false,
    steps: ['move b>a'],
  },
  {
    when: 'an edge drains and there is no other tunnel yet',
    is: situation([tunnel('a', draining(0))]),
    another: true,
    steps: [],
  },
  {
    when: 'an edge drains and its time has not come',
    is: situation([tunnel('a', draining(500)), b]),
    best: 'b',
    another: false,
    steps: [],
  },
  {
    when: 'an edge drains and its time has come',
    is: situation([tunnel('a', draining(0)), b]),
    best: 'b',
    another: false,
    steps: ['move a>b'],
  },
  {
    when: 'an edge drains and this end cannot resume',
    is: situation([tunnel('a', { ...draining(0), canResume: false }), b]),
    best: 'b',
    another: false,
    steps: [],
  },
  {
    when: 'a draining edge has no flow of ours left',
    is: situation([tunnel('a', { ...draining(500), flowCount: 0 })]),
    another: true,
    steps: ['close a'],
  },
  {
    when: 'flows are detached and a tunnel stands',
    is: situation([a], { detached: 3 }),
    best: 'a',
    another: false,
    steps: ['resume a'],
  },
  {
    when: 'the edge could not take them back, and another is known',
    is: situation([a], { detached: 3, strandedAt: new Set(['https://a']) }),
    best: 'a',
    another: true,
    steps: ['resume a'],
  },
  {
    when: 'that other one stands, as the older of two',
    is: situation([b, a], { detached: 3, strandedAt: new Set(['https://a']) }),
    best: 'a',
    another: false,
    steps: ['resume b'],
  },
  {
    when: 'two are well, one of them without flows, and the younger one has stood for a while',
    is: situation([tunnel('a', { flowCount: 0 }), b]),
    best: 'b',
    another: false,
    steps: ['close a'],
  },
  {
    when: 'two are well and the younger one is very young',
    is: situation([tunnel('a', { flowCount: 0 }), tunnel('b', { since: NOW - 1_000 })]),
    best: 'b',
    another: false,
    steps: [],
  },
]

for (const { when, is, best, another, steps } of TABLE) {
  test(`when ${when}: ${steps.join(', ') || 'nothing'}${another ? ', and another is dialled' : ''}`, () => {
    assert.equal(bestOf(is.tunnels)?.id, best)
    assert.equal(wantsAnother(is, ['https://a', 'https://b']), another)
    assert.deepEqual(stepsFor(is).map(said), steps)
  })
}

test('edges that have a tunnel, or could not take flows back, are the last to be dialled', () => {
  const avoid = edgesToAvoid(situation([a], { strandedAt: new Set(['https://c']) }))
  assert.deepEqual([...avoid], ['https://a', 'https://c'])
})
