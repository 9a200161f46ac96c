import { existsSync } from 'node:fs'
import path from 'node:path'
import { configFile, type Environment, stateRoots } from '../../process/state.ts'
import { readEdgeSettings, settingsPlaces } from './settings.ts'

/** Where the admin says that the edge is; each is a flag. */
export interface EdgePlaces {
  readonly config?: string
  readonly state?: string
}

/**
 * The control socket of this machine's edge: of `--state` or `--config`, else the first that is there,
 * in `edge/` below the state directories or in one of them itself, else of the settings file that
 * `edge run` would find.
 * @throws as {@link configFile} and {@link readEdgeSettings}, where a file was named
 */
export function edgeSocket({ config, state }: EdgePlaces, env: Environment): string {
  const places = settingsPlaces(env)
  if (state !== undefined) return places.controlPath(path.resolve(state))
  if (config !== undefined) return socketOf(configFile('edge', config, env), env)
  const usual = places.controlPath(places.stateDirectory)
  const others = stateRoots(env).map((root) => path.join(root, 'edge.sock'))
  const found = [usual, ...others].find((socket) => existsSync(socket))
  return found ?? socketOfFound(env) ?? usual
}

const socketOf = (file: string, env: Environment): string =>
  readEdgeSettings(file, undefined, env).controlPath

/** A file that nobody named may be missing, or be another role's. */
function socketOfFound(env: Environment): string | undefined {
  try {
    return socketOf(configFile('edge', undefined, env), env)
  } catch {
    return undefined
  }
}
