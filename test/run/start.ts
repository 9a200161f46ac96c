import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Who runs byname in a test. */
export interface User {
  readonly name: string
  /** The words before node's. */
  readonly become: readonly string[]
  /** A path of this repository as that user sees it. */
  readonly see: (file: string) => string
}

export interface StartOptions {
  readonly names?: Readonly<Record<string, number>>
  readonly refused?: readonly string[]
  readonly dnsPort?: number
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Words between the user's and node's: `setsid`, say. */
  readonly around?: readonly string[]
}

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const ROOT = path.resolve(import.meta.dirname, '..', '..')
const DRIVER = path.join(ROOT, 'test', 'run', 'driver.mjs')
const NOBODY = 65_534
const TIMEOUT_MS = 20_000

/** Directories of one test file, gone at the end. */
export const scratch = mkdtempSync(path.join(tmpdir(), 'byname-run-'))
spawnSync('chmod', ['1777', scratch])
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

/** An ordinary user without capabilities and, where the tests run as root, root. */
export function users(): User[] {
  if (process.getuid?.() !== 0) return [{ name: 'this user', become: [], see: (file) => file }]
  return [ordinaryUser(), { name: 'root', become: [], see: (file) => file }]
}

export function ordinaryUser(groups: readonly number[] = [NOBODY]): User {
  const become = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, `--groups=${groups}`]
  const bare = [...become, '--inh-caps=-all', '--']
  if (process.getuid?.() !== 0) return { name: 'this user', become: [], see: (file) => file }
  const name = 'an ordinary user without capabilities'
  const [command = '', ...words] = [...bare, 'test', '-r', DRIVER]
  if (spawnSync(command, words).status === 0) return { name, become: bare, see: (file) => file }
  // The clone lies where nobody can look: show it to the user at /mnt.
  const script = `mount --bind "${ROOT}" /mnt && exec "$@"`
  return {
    name,
    become: ['unshare', '-m', 'sh', '-c', script, 'sh', ...bare],
    see: (file) => file.replace(ROOT, '/mnt'),
  }
}

/** Starts `byname run -- WORDS…`, with the doubles of driver.ts. */
export function start(
  user: User,
  words: readonly string[],
  options: StartOptions = {},
): ChildProcess {
  const node = [user.see(process.execPath), '--disable-warning=ExperimentalWarning']
  const all = [...user.become, ...(options.around ?? []), ...node, user.see(DRIVER), ...words]
  const [command = '', ...rest] = all
  return spawn(command, rest, {
    cwd: '/',
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: scratch,
      LANG: 'C.UTF-8',
      DRIVER_NAMES: JSON.stringify(options.names ?? {}),
      DRIVER_REFUSED: (options.refused ?? []).join(' '),
      DRIVER_CACHE: path.join(scratch, 'cache'),
      DRIVER_DNS: String(options.dnsPort ?? 1),
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** As {@link start}, and waits for the end. */
export async function runInside(
  user: User,
  words: readonly string[],
  options: StartOptions = {},
): Promise<Outcome> {
  const child = start(user, words, options)
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input ?? '')
  return outcomeOf(child)
}

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (part: string) => {
      texts[name] += part
    })
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) => {
    child.on('close', (...ending) => done(ending))
  })
  clearTimeout(timer)
  return { code, signal, ...texts }
}

/** Resolves once the child's output has `text`; gives all of it. */
export function saying(child: ChildProcess, text: string): Promise<string> {
  let all = ''
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      all += part
      if (all.includes(text)) resolve(all)
    })
    child.once('close', () => reject(new Error(`ended without saying ${text}: ${all}`)))
  })
}
