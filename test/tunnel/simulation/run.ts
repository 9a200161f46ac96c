/**
 * Plays seeds of the tunnel's simulation: `node test/tunnel/simulation/run.ts FIRST [COUNT]`. Prints
 * the first seed that fails, and ends with 1. `--story` tells every frame.
 */
import { parseArgs } from 'node:util'
import { simulate } from './world.ts'

const options = { story: { type: 'boolean', default: false } } as const
const { positionals, values } = parseArgs({ options, allowPositionals: true })
const [first = '1', count = '1'] = positionals
let flows = 0
let resumed = 0
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const outcome = simulate(seed, values.story ? console.log : undefined)
  flows += outcome.flows
  resumed += outcome.resumed
  if (outcome.failure === undefined) continue
  console.log(`seed ${seed}: ${outcome.failure}`)
  console.log(`  again: node test/tunnel/simulation/run.ts ${seed} --story`)
  process.exit(1)
}
console.log(`${count} seeds, ${flows} flows, ${resumed} resumed: as the model says`)
