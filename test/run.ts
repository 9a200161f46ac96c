/**
 * The test command: sets the machine up (as root on Debian it installs the programs that the tests
 * drive, otherwise it lists what is missing), runs every test, and ends with a line that counts them.
 * Under CI=true a skipped test is a failure.
 *
 *   npm test [-- unit|attack|e2e] [-- FILE…]
 */
import { globSync } from 'node:fs'
import path from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { setUpMachine } from './machine.ts'

const root = path.dirname(import.meta.dirname)
const SUITES = {
  unit: { patterns: ['test/*/**/*.test.ts'], besides: ['attack', 'e2e'], concurrency: 2 },
  attack: { patterns: ['test/attack/**/*.test.ts'], besides: [], concurrency: 2 },
  e2e: { patterns: ['test/e2e/**/*.test.ts'], besides: [], concurrency: 1 },
} as const
type SuiteName = keyof typeof SUITES

const [wanted, ...files] = process.argv.slice(2)
const isCi = process.env.CI === 'true'
const startedAt = performance.now()
setUpMachine()
const totals = { passed: 0, failed: 0, skipped: [] as string[] }
if (wanted?.endsWith('.ts')) await runFiles([wanted, ...files], 1)
else for (const name of suitesOf(wanted)) await runSuite(name)
report()

function suitesOf(word: string | undefined): SuiteName[] {
  const names = Object.keys(SUITES) as SuiteName[]
  if (word === undefined) return names
  const name = names.find((one) => one === word)
  if (name) return [name]
  throw new Error(`no suite is called ${word}: ${names.join(', ')} or files`)
}

async function runSuite(name: SuiteName): Promise<void> {
  const { patterns, besides, concurrency } = SUITES[name]
  const found = patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).sort()
  await runFiles(
    found.filter((file) => !besides.some((folder) => file.startsWith(`test/${folder}/`))),
    concurrency,
  )
}

async function runFiles(paths: readonly string[], concurrency: number): Promise<void> {
  const events = run({
    files: paths.map((file) => path.resolve(root, file)),
    cwd: root,
    concurrency,
    timeout: 300_000,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  events.on('test:pass', (event) => {
    if (event.details.type === 'suite') return
    if (event.skip !== undefined) totals.skipped.push(`${event.name}: ${event.skip}`)
    else totals.passed++
  })
  events.on('test:fail', (event) => {
    if (event.details.type !== 'suite') totals.failed++
  })
  for await (const text of events.compose(spec)) process.stdout.write(text)
}

function report(): void {
  const { passed, failed, skipped } = totals
  for (const line of skipped) console.log(`skipped: ${line}`)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  console.log(`tests took ${seconds} s`)
  console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
  if (isCi && skipped.length > 0) console.log('CI=true: a skipped test is a failure')
  process.exitCode = failed > 0 || passed === 0 || (isCi && skipped.length > 0) ? 1 : 0
}
