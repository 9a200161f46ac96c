/**
 * The time from typing `byname run -- curl …` to the first byte of the answer, against the demo that
 * is up (`npm start` in another terminal).
 *
 *   node bench/run-start.ts [--times 10] [--profile alice] [--url http://wiki.corp.internal/] [--json]
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'

const { values: flags } = parseArgs({
  options: {
    times: { type: 'string', default: '10' },
    profile: { type: 'string', default: 'alice' },
    url: { type: 'string', default: 'http://wiki.corp.internal/' },
    json: { type: 'boolean', default: false },
  },
})
const BYNAME = path.resolve(import.meta.dirname, '..', 'cli', 'byname')

const runs: Run[] = []
for (let i = 0; i < Number(flags.times); i++) runs.push(await measure())
const medians = Object.fromEntries(stepNames().map((step) => [step, medianOf(step)]))
if (flags.json) console.log(JSON.stringify({ schema: 1, times: runs.length, millis: medians }))
else for (const [step, ms] of Object.entries(medians)) console.log(`${step.padEnd(12)}${ms} ms`)

type Run = Readonly<Record<string, number>>

/** Steps as `--timing` says them (from the start of Node), and the whole as the person sees it. */
function measure(): Promise<Run> {
  const { promise, resolve, reject } = Promise.withResolvers<Run>()
  const startedAt = performance.now()
  const words = ['run', '--timing', '--profile', flags.profile, '--', 'curl', '-sS', flags.url]
  const child = spawn(BYNAME, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let firstByte = Number.NaN
  let said = ''
  child.stdout.once('data', () => {
    firstByte = performance.now() - startedAt
  })
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  child.on('close', (code) => {
    const whole = performance.now() - startedAt
    if (code === 0 && firstByte > 0) resolve({ ...stepsOf(said), 'first byte': firstByte, whole })
    else reject(new Error(`byname run ended with ${code}: ${said}is the demo up? (npm start)`))
  })
  return promise
}

function stepsOf(said: string): Run {
  const found = [...said.matchAll(/(\w+) (\d+) ms/g)]
  return Object.fromEntries(found.map(([, step = '', ms]) => [step, Number(ms)]))
}

function stepNames(): string[] {
  return Object.keys(runs[0] ?? {})
}

function medianOf(step: string): number {
  const sorted = runs.map((run) => run[step] ?? Number.NaN).sort((a, b) => a - b)
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN)
}
