// The way from any Node ≥ 20 to byname on the Node 26 that comes with the clone: installs what the
// lock file names when it is missing or older than the lock, then hands over. Plain JavaScript
// without dependencies, because it runs before there are any.
//
//   node cli/setup.mjs start|test|bench|byname [ARGS…]
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const root = path.dirname(import.meta.dirname)
const modules = path.join(root, 'node_modules')
const stamp = path.join(modules, '.byname-lock.json')
/** Says to cli/byname that the bundled Node was seen to start here. */
const starts = path.join(modules, '.byname-node-starts')
const OLDEST_NODE = 26
const SIGNAL_NUMBER = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** What each job runs, and whether it needs the packages that only development needs. */
const JOBS = {
  start: { entry: ['cli/main.ts', 'demo'], dev: false },
  byname: { entry: ['cli/main.ts'], dev: false },
  test: { entry: ['test/run.ts'], dev: true },
  bench: { entry: ['bench/run.ts'], dev: false },
}

const [jobName = '', ...rest] = process.argv.slice(2)
const job = JOBS[jobName]
if (!job) stop(`usage: node cli/setup.mjs ${Object.keys(JOBS).join('|')} [ARGS…]`)
if (!isInstalled(job.dev)) await install(job.dev)
await handOver(findNode(), job.entry, rest)

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex')
}

function isInstalled(needsDev) {
  return isStamped(needsDev) || isInstalledByHand(needsDev)
}

function isStamped(needsDev) {
  try {
    const { hash, dev } = JSON.parse(readFileSync(stamp, 'utf8'))
    return hash === lockHash() && (dev || !needsDev)
  } catch {
    return false
  }
}

/** `npm ci` without us leaves npm's own record, which must be younger than the lock file. */
function isInstalledByHand(needsDev) {
  const installed = statSync(path.join(modules, '.package-lock.json'), { throwIfNoEntry: false })
  const lock = statSync(path.join(root, 'package-lock.json'))
  const hasDev = existsSync(path.join(modules, 'typescript'))
  return !existsSync(stamp) && installed?.mtimeMs >= lock.mtimeMs && (hasDev || !needsDev)
}

async function install(dev) {
  const npm = process.env.npm_execpath
  const [command, ...before] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm']
  const args = [...before, 'ci', '--no-audit', '--no-fund', '--loglevel=error']
  if (!dev) args.push('--omit=dev')
  process.stderr.write('byname: installing its packages and Node 26 (npm ci), about 150 MB once\n')
  const startedAt = performance.now()
  const beat = setInterval(() => tellProgress(startedAt), 3000)
  const status = await run(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  clearInterval(beat)
  if (status !== 0) stop('npm ci did not finish (see above); `npm ci` by hand shows everything')
  writeFileSync(stamp, JSON.stringify({ hash: lockHash(), dev }))
  process.stderr.write(`byname: installed in ${seconds(startedAt)} s\n`)
}

function seconds(startedAt) {
  return ((performance.now() - startedAt) / 1000).toFixed(1)
}

function tellProgress(startedAt) {
  const packages = existsSync(modules) ? readdirSync(modules).length : 0
  process.stderr.write(`byname: … ${seconds(startedAt)} s, ${packages} packages in place\n`)
}

/** The bundled Node 26 where it starts, else the machine's own if it is new enough. */
function findNode() {
  const bundled = path.join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (existsSync(bundled)) {
    const tried = spawnSync(bundled, ['--version'], { encoding: 'utf8' })
    if (tried.status === 0) {
      writeFileSync(starts, tried.stdout)
      return bundled
    }
    if (!isOwnNodeNewEnough()) stop(cannotStart(tried))
  }
  if (isOwnNodeNewEnough()) return process.execPath
  return stop(
    `byname runs on Node ${OLDEST_NODE}; for ${process.platform}-${process.arch} none comes with the clone ` +
      `and this machine has ${process.version}.\n  try: install Node ${OLDEST_NODE} or newer from https://nodejs.org and run this again`,
  )
}

function isOwnNodeNewEnough() {
  return Number(process.versions.node.split('.')[0]) >= OLDEST_NODE
}

function cannotStart({ stderr = '', error }) {
  const said = `${stderr}${error?.message ?? ''}`.trim()
  const fix = said.includes('libatomic')
    ? 'install libatomic1 (Debian, Ubuntu: apt-get install libatomic1; Fedora: dnf install libatomic)'
    : `install Node ${OLDEST_NODE} or newer; it is used instead`
  return `the Node ${OLDEST_NODE} that comes with the clone does not start here:\n  ${said}\n  try: ${fix}`
}

async function handOver(node, entry, args) {
  const [file, ...fixed] = entry
  process.exitCode = await run(
    node,
    ['--disable-warning=ExperimentalWarning', path.join(root, file), ...fixed, ...args],
    { stdio: 'inherit', env: { ...process.env, BYNAME_HOME: root } },
  )
}

/** Runs a program to its end; a terminal's ^C reaches it directly, so here it is only waited for. */
function run(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, options)
    const pass = (signal) => child.kill(signal)
    process.on('SIGINT', () => {})
    process.on('SIGTERM', pass)
    process.on('SIGHUP', pass)
    child.on('error', (error) => stop(`${command}: ${error.message}`))
    child.on('exit', (code, signal) => resolve(signal ? 128 + (SIGNAL_NUMBER[signal] ?? 0) : code))
  })
}

function stop(text) {
  process.stderr.write(`byname: ${text}\n`)
  process.exit(2)
}
