import { randomBytes } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { access, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'

/** The environment, as an argument: `process.env` or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>

export type StateProblem = 'ERR_CONFIG_NOT_FOUND' | 'ERR_STATE_NOT_WRITABLE' | 'ERR_SECRET_READABLE'

/** Why state or settings could not be found, read or kept. */
export class StateError extends Error {
  override readonly name = 'StateError'
  readonly code: StateProblem
  readonly path: string
  readonly why: string
  readonly fix: string
  readonly exitCode = 2
  constructor(code: StateProblem, what: string, facts: { path: string; why: string; fix: string }) {
    super(what)
    this.code = code
    this.path = facts.path
    this.why = facts.why
    this.fix = facts.fix
  }
}

/** Directories that may hold state, in the order in which they are looked through. */
export function stateRoots(env: Environment): string[] {
  const xdg = env.XDG_STATE_HOME || path.join(homeOf(env), '.local', 'state')
  return [env.BYNAME_STATE_DIR, firstOf(env.STATE_DIRECTORY), path.join(xdg, 'byname')].filter(
    isSet,
  )
}

/** As {@link stateRoots}, and `.byname` of the clone, where `npm start` puts the demo's people. */
export function profileRoots(env: Environment): string[] {
  const clone = env.BYNAME_HOME ? [path.join(env.BYNAME_HOME, '.byname')] : []
  return [...stateRoots(env), ...clone]
}

/** The first root that has `relative`, as a whole path. */
export function findState(relative: string, roots: readonly string[]): string | undefined {
  return roots.map((root) => path.join(root, relative)).find((whole) => existsSync(whole))
}

/**
 * Where `relative` is, or where it will be: the first root that has it, else the first that can be
 * written. The directory above it is made (0700).
 * @throws {StateError} ERR_STATE_NOT_WRITABLE
 */
export async function placeState(relative: string, roots: readonly string[]): Promise<string> {
  const found = findState(relative, roots)
  if (found !== undefined) return found
  for (const root of roots) {
    const whole = path.join(root, relative)
    if (await canMake(path.dirname(whole))) return whole
  }
  throw new StateError('ERR_STATE_NOT_WRITABLE', `no place to keep ${relative}`, {
    path: roots[0] ?? '',
    why: `none of these can be written: ${roots.join(', ')}`,
    fix: 'BYNAME_STATE_DIR=/a/directory/of/yours',
  })
}

/**
 * The settings file of a role: `--config`, `$BYNAME_CONFIG`, `$CONFIGURATION_DIRECTORY`,
 * `$XDG_CONFIG_HOME/byname`, `/etc/byname`. The first hit wins, files are never merged; one that was
 * named must exist.
 * @throws {StateError} ERR_CONFIG_NOT_FOUND, with the paths searched
 */
export function configFile(role: string, flag: string | undefined, env: Environment): string {
  const named = flag ?? env.BYNAME_CONFIG
  const searched = named ? [path.resolve(named)] : configPlaces(role, env)
  const found = searched.find((file) => existsSync(file))
  if (found !== undefined) return found
  throw new StateError('ERR_CONFIG_NOT_FOUND', `no settings file for the ${role}`, {
    path: searched[0] ?? '',
    why: `there is none at ${searched.join(', ')}`,
    fix: `byname ${role} run --config ${role}.yaml`,
  })
}

/** The control socket of a role whose state is in `stateDirectory`: `$RUNTIME_DIRECTORY` if it is set. */
export function controlPath(role: string, stateDirectory: string, env: Environment): string {
  const runtime = firstOf(env.RUNTIME_DIRECTORY)
  return path.join(runtime ?? stateDirectory, `${role}.sock`)
}

/** Writes a file of mode 0600 whole or not at all: a new file beside it, synced, renamed over it. */
export async function writeSecret(file: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const fresh = `${file}.${randomBytes(6).toString('hex')}.new`
  try {
    const handle = await open(fresh, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
  await syncDirectory(path.dirname(file))
}

/**
 * Reads what {@link writeSecret} wrote; `undefined` when there is no such file.
 * @throws {StateError} ERR_SECRET_READABLE when others can read it
 */
export async function readSecret(file: string): Promise<Buffer | undefined> {
  const handle = await open(file, 'r').catch(ifMissing)
  if (handle === undefined) return undefined
  try {
    const { mode } = await handle.stat()
    if ((mode & 0o077) === 0) return await handle.readFile()
  } finally {
    await handle.close()
  }
  throw new StateError('ERR_SECRET_READABLE', `${file} is no secret any more`, {
    path: file,
    why: 'its mode lets other users read it',
    fix: `chmod 600 ${file}`,
  })
}

const homeOf = (env: Environment) => env.HOME || homedir()
/** systemd gives a colon-separated list when several directories are configured. */
const firstOf = (list: string | undefined) => list?.split(':')[0]
const isSet = (value: string | undefined): value is string => value !== undefined && value !== ''

function configPlaces(role: string, env: Environment): string[] {
  const xdg = env.XDG_CONFIG_HOME || path.join(homeOf(env), '.config')
  const directories = [
    firstOf(env.CONFIGURATION_DIRECTORY),
    path.join(xdg, 'byname'),
    '/etc/byname',
  ]
  return directories.filter(isSet).map((directory) => path.join(directory, `${role}.yaml`))
}

async function canMake(directory: string): Promise<boolean> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await access(directory, constants.W_OK | constants.X_OK)
    return (await stat(directory)).isDirectory()
  } catch {
    return false
  }
}

/** The rename itself must survive a power cut; some file systems cannot sync a directory. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.sync().catch(() => undefined)
  await handle.close()
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw error
}
