import { readFileSync } from 'node:fs'
import path from 'node:path'
import {
  DEFAULT_NAME,
  type EdgeSettings,
  parseEdgeSettings,
  type SettingsPlaces,
} from '../../edge/settings.ts'
import { controlPath, type Environment, findState, stateRoots } from '../../process/state.ts'
import { ConfigError, formatProblem } from '../../process/yaml.ts'

/** What an edge's settings leave out, on this machine. */
export function settingsPlaces(env: Environment): SettingsPlaces {
  const roots = stateRoots(env)
  return {
    stateDirectory: findState('edge', roots) ?? path.join(roots[0] ?? '.', 'edge'),
    controlPath: (stateDirectory, name) => controlPath(roleOf(name), stateDirectory, env),
  }
}

/** Several edges may share a state directory: each has a socket of its own. */
const roleOf = (name: string) => (name === DEFAULT_NAME ? 'edge' : `edge-${name}`)

/**
 * The settings in a file; `state` beats the file's own.
 * @throws {ConfigError} whose `why` has each problem with its line and a caret (exitCode 2)
 */
export function readEdgeSettings(
  file: string,
  state: string | undefined,
  env: Environment,
): EdgeSettings {
  const text = readFileSync(file, 'utf8')
  try {
    const settings = parseEdgeSettings(text, path.resolve(file), settingsPlaces(env))
    if (state === undefined) return settings
    const stateDirectory = path.resolve(state)
    const controlPath = settingsPlaces(env).controlPath(stateDirectory, settings.name)
    return { ...settings, stateDirectory, controlPath }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const why = error.problems.map((problem) => formatProblem(problem, text)).join('\n')
    const what = `the settings in ${file} are refused`
    throw Object.assign(new Error(what), { code: error.code, why, exitCode: 2 })
  }
}
