import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseEdgeSettings, type SettingsPlaces } from '../../edge/settings.ts'
import {
  configFile,
  controlPath,
  type Environment,
  findState,
  stateRoots,
} from '../../process/state.ts'

/** Where the admin says that the edge is; each is a flag. */
export interface EdgePlaces {
  readonly config?: string
  readonly state?: string
}

/** What an edge's settings leave out, on this machine. */
export function settingsPlaces(env: Environment): SettingsPlaces {
  const roots = stateRoots(env)
  return {
    stateDirectory: findState('edge', roots) ?? path.join(roots[0] ?? '.', 'edge'),
    controlPath: (stateDirectory) => controlPath('edge', stateDirectory, env),
  }
}

/**
 * The control socket of this machine's edge: of `--state` or `--config`, else the first that is there,
 * in `edge/` below the state directories or in one of them itself, else of the settings file that
 * `edge run` would find.
 */
export function edgeSocket({ config, state }: EdgePlaces, env: Environment): string {
  const places = settingsPlaces(env)
  if (state !== undefined) return places.controlPath(path.resolve(state))
  if (config !== undefined) return socketOf(config, places)
  const usual = places.controlPath(places.stateDirectory)
  const others = stateRoots(env).map((root) => path.join(root, 'edge.sock'))
  const found = [usual, ...others].find((socket) => existsSync(socket))
  return found ?? socketOfFound(env, places) ?? usual
}

const socketOf = (file: string, places: SettingsPlaces): string =>
  parseEdgeSettings(readFileSync(file, 'utf8'), path.resolve(file), places).controlPath

/** A file that nobody named may be missing, or be another role's. */
function socketOfFound(env: Environment, places: SettingsPlaces): string | undefined {
  try {
    return socketOf(configFile('edge', undefined, env), places)
  } catch {
    return undefined
  }
}
