import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type DeviceKey, importKey } from '../identity/key.ts'
import { PROFILE_FILES, readProfileDocument } from '../identity/profile.ts'
import { type Environment, findState, profileRoots, readSecret } from '../process/state.ts'

/** An edge and an identity under a name (`--profile`, `BYNAME_PROFILE`), kept in a directory of its own. */
export interface Profile {
  readonly name: string
  /** Its files: PROFILE_FILES of identity/profile.ts, and CLIENT_FILES. */
  readonly directory: string
  readonly deployment: string
  readonly edgeName: string
  readonly edge: { readonly url: string; readonly caPem: string }
  readonly key: DeviceKey
  /** No tunnel but one whose key agreement a quantum computer does not break. */
  readonly requiresPostQuantum: boolean
}

/** What the client itself keeps in a profile's directory. */
export const CLIENT_FILES = {
  catalog: 'catalog.json',
  edges: 'edges.json',
  leases: 'leases.db',
  sessionLock: 'session.lock',
} as const

export type ProfileProblem = 'ERR_NO_PROFILE' | 'ERR_PROFILE_NAME' | 'ERR_PROFILE_UNREADABLE'

export class ProfileError extends Error {
  override readonly name = 'ProfileError'
  readonly code: ProfileProblem
  readonly why: string
  readonly fix: string
  /** Sign-in needed, or for a name that cannot be one, usage. */
  readonly exitCode: 2 | 4
  constructor(code: ProfileProblem, what: string, facts: { why: string; fix: string }) {
    super(what)
    this.code = code
    this.why = facts.why
    this.fix = facts.fix
    this.exitCode = code === 'ERR_PROFILE_NAME' ? 2 : 4
  }
}

/**
 * Finds a profile by name; without one `BYNAME_PROFILE`, else `default`, else the only one there is.
 * @throws {ProfileError} naming the places searched
 */
export async function loadProfile(name: string | undefined, env: Environment): Promise<Profile> {
  const roots = profileRoots(env)
  const wanted = name ?? (env.BYNAME_PROFILE || (await onlyOne(roots)))
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(wanted)) throw badName(wanted)
  const directory = findState(path.join('profiles', wanted), roots)
  if (directory === undefined) throw await noProfile(wanted, roots)
  return readProfile(directory)
}

/**
 * Reads a profile from its directory.
 * @throws {ProfileError} ERR_PROFILE_UNREADABLE; {@link IdentityError} for a damaged file
 */
export async function readProfile(directory: string): Promise<Profile> {
  const document = readProfileDocument(await readText(directory, PROFILE_FILES.profile))
  const secret = await readSecret(path.join(directory, PROFILE_FILES.device)).catch((error) => {
    throw unreadable(directory, error)
  })
  if (!secret) throw unreadable(directory, new Error(`${PROFILE_FILES.device} is missing`))
  const { name, deployment, edgeName, edge, tls } = document
  const key = importKey(parseJson(secret))
  const requiresPostQuantum = tls?.['require-post-quantum'] ?? false
  return { name, directory, deployment, edgeName, edge, key, requiresPostQuantum }
}

/** The names of all profiles under these roots. */
async function listProfiles(roots: readonly string[]): Promise<string[]> {
  const lists = roots.map((root) => readdir(path.join(root, 'profiles')).catch(() => []))
  return [...new Set((await Promise.all(lists)).flat())].sort()
}

async function onlyOne(roots: readonly string[]): Promise<string> {
  const names = await listProfiles(roots)
  const [first] = names
  return names.length === 1 && first !== undefined ? first : 'default'
}

async function readText(directory: string, file: string): Promise<string> {
  return readFile(path.join(directory, file), 'utf8').catch((error) => {
    throw unreadable(directory, error)
  })
}

/** A damaged key file is the key reader's to refuse. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

async function noProfile(wanted: string, roots: readonly string[]): Promise<ProfileError> {
  const names = await listProfiles(roots)
  const there = names.length > 0 ? `; there are: ${names.join(', ')}` : ''
  const places = roots.map((root) => path.join(root, 'profiles')).join(', ')
  return new ProfileError('ERR_NO_PROFILE', `there is no profile ${wanted}`, {
    why: `it is in none of ${places}${there}`,
    fix: names[0] ? `--profile ${names[0]}, or BYNAME_PROFILE=${names[0]}` : 'npm start',
  })
}

function badName(name: string): ProfileError {
  return new ProfileError('ERR_PROFILE_NAME', `${JSON.stringify(name)} cannot name a profile`, {
    why: 'a profile is named by 1 to 64 letters, digits, dots, hyphens and underscores',
    fix: '--profile NAME',
  })
}

function unreadable(directory: string, error: Error): ProfileError {
  return new ProfileError('ERR_PROFILE_UNREADABLE', `the profile in ${directory} cannot be read`, {
    why: (error as { why?: string }).why ?? error.message,
    fix: (error as { fix?: string }).fix ?? 'run byname as the user whose profile it is',
  })
}
