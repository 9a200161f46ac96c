import { STEPS, type Step } from './measure.ts'
import type { WayName } from './ways.ts'

/** What is measured in a run, and for how long. */
export interface Plan {
  readonly repeats: number
  readonly seconds: number
  readonly steps: readonly (keyof typeof STEPS)[]
  readonly ways: readonly WayName[]
  readonly idleFlows: number
}

const FULL: Plan = {
  repeats: 3,
  seconds: 5,
  steps: ['up', 'down', 'wideUp', 'wideDown', 'many', 'one', 'fresh', 'beside', 'among'],
  ways: ['byname', 'direct', 'ssh-chain', 'node-chain', 'haproxy'],
  idleFlows: 10_000,
}

/** Under a minute in all: hence without haproxy, and without 32 flows up. */
const QUICK: Plan = {
  repeats: 1,
  seconds: 2,
  steps: ['up', 'down', 'wideDown', 'many', 'one', 'fresh', 'beside'],
  ways: ['byname', 'direct', 'ssh-chain', 'node-chain'],
  idleFlows: 10_000,
}

/** As typed. */
export interface Wishes {
  readonly quick: boolean
  readonly repeats?: string | undefined
  readonly seconds?: string | undefined
  readonly steps?: string | undefined
  readonly ways?: string | undefined
}

export function planOf(wishes: Wishes): Plan {
  const plan = wishes.quick ? QUICK : FULL
  return {
    repeats: wishes.repeats === undefined ? plan.repeats : Number(wishes.repeats),
    seconds: wishes.seconds === undefined ? plan.seconds : Number(wishes.seconds),
    steps: chosen(wishes.steps, FULL.steps) ?? plan.steps,
    ways: chosen(wishes.ways, FULL.ways) ?? plan.ways,
    idleFlows: plan.idleFlows,
  }
}

/** How long a way is measured in a step; 0: not at all. */
export function secondsOf(plan: Plan, step: Step, way: string, isQuick: boolean): number {
  if (step === STEPS.among && way !== 'node-chain') return 0
  // It is there to be seen beside the others, and the one that varies least.
  if (way === 'direct') return step === STEPS.beside && isQuick ? 0 : 1
  if (step !== STEPS.beside || !isQuick) return plan.seconds
  return way === 'byname' || way === 'node-chain' ? 1 : 0
}

function chosen<Name extends string>(
  typed: string | undefined,
  known: readonly Name[],
): readonly Name[] | undefined {
  if (typed === undefined) return undefined
  const words = typed.split(',')
  const unknown = words.find((word) => !known.some((name) => name === word))
  if (unknown !== undefined) throw new Error(`no ${unknown} here: ${known.join(', ')}`)
  return known.filter((name) => words.includes(name))
}
