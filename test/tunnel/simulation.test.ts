import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from './simulation/world.ts'

/** About 10 s of one core. More: `node test/tunnel/simulation/run.ts FIRST COUNT`. */
const SEEDS = 3000

test(`${SEEDS} seeds of lost tunnels, restarted edges, half-closes and ghosts come out as the model says`, () => {
  let flows = 0
  let unbroken = 0
  let resumed = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const outcome = simulate(seed)
    const again = `again: node test/tunnel/simulation/run.ts ${seed} --story`
    assert.equal(outcome.failure, undefined, `seed ${seed}; ${again}`)
    flows += outcome.flows
    unbroken += outcome.flows - outcome.broken
    resumed += outcome.resumed
  }
  // A simulation in which nothing happens, or everything is excused, proves nothing.
  assert.ok(resumed > SEEDS / 2, `${resumed} flows were resumed`)
  assert.ok(unbroken > flows / 2, `${unbroken} of ${flows} flows had to arrive whole`)
})

test('a seed always tells the same story', () => {
  const tell = () => {
    const lines: string[] = []
    simulate(639, (line) => lines.push(line))
    return lines
  }
  const story = tell()
  assert.ok(story.length > 50)
  assert.deepEqual(tell(), story)
})
