import { existsSync, globSync } from 'node:fs'
import path from 'node:path'
import { DEFAULT_NAME } from '../../edge/settings.ts'
import { configFile, type Environment, stateRoots } from '../../process/state.ts'
import { FlagError } from '../flag-error.ts'
import { readEdgeSettings, settingsPlaces } from './settings.ts'

/** Where the admin says that the edge is; each is a flag. */
export interface EdgePlaces {
  readonly config?: string
  readonly state?: string
  /** The edge's name, where several share a state directory. */
  readonly edge?: string
}

/**
 * The control socket of this machine's edge: of `--state` or `--config`, else the first that is there,
 * in `edge/` below the state directories or in one of them itself, else of the settings file that
 * `edge run` would find. Of several edges in one place `--edge` says which.
 * @throws {FlagError} as {@link configFile} and {@link readEdgeSettings}, where a file was named
 */
export function edgeSocket({ config, state, edge }: EdgePlaces, env: Environment): string {
  const places = settingsPlaces(env)
  const of = (directory: string) => socketIn(directory, edge, places)
  if (state !== undefined) return of(path.resolve(state))
  if (config !== undefined) return socketOf(configFile('edge', config, env), edge, env)
  const found = [places.stateDirectory, ...stateRoots(env)].map(of).find((it) => existsSync(it))
  return found ?? socketOfFound(edge, env) ?? of(places.stateDirectory)
}

/** Of the edge that was named; else of the one without a name, or the only one there is. */
function socketIn(directory: string, edge: string | undefined, places: Places): string {
  const usual = places.controlPath(directory, edge ?? DEFAULT_NAME)
  if (edge !== undefined || existsSync(usual)) return usual
  const [first, ...others] = globSync(path.join(path.dirname(usual), 'edge-*.sock')).sort()
  if (others.length === 0) return first ?? usual
  const names = [first ?? '', ...others].map((file) => path.basename(file).slice(5, -5))
  throw new FlagError(`several edges are here: ${names.join(', ')}`, `--edge ${names[0]}`)
}

type Places = ReturnType<typeof settingsPlaces>

function socketOf(file: string, edge: string | undefined, env: Environment): string {
  const { controlPath, stateDirectory } = readEdgeSettings(file, undefined, env)
  return edge === undefined ? controlPath : settingsPlaces(env).controlPath(stateDirectory, edge)
}

/** A file that nobody named may be missing, or be another role's. */
function socketOfFound(edge: string | undefined, env: Environment): string | undefined {
  try {
    return socketOf(configFile('edge', undefined, env), edge, env)
  } catch {
    return undefined
  }
}
