import { readFileSync } from 'node:fs'
import path from 'node:path'
import { startEdge } from '../../edge/main.ts'
import { type EdgeSettings, parseEdgeSettings } from '../../edge/settings.ts'
import { type LogLevel, makeLog } from '../../process/log.ts'
import { onReload, onShutdown } from '../../process/signals.ts'
import { configFile, type Environment } from '../../process/state.ts'
import { ConfigError, formatProblem } from '../../process/yaml.ts'
import type { RunFlags } from './flags.ts'
import { settingsPlaces } from './socket.ts'

/** `byname edge run`: in the foreground until a signal. */
export async function serveEdge(flags: RunFlags, env: Environment): Promise<void> {
  const settings = readEdgeSettings(configFile('edge', flags.config, env), flags.state, env)
  const level = flags.logLevel ?? (env.BYNAME_LOG_LEVEL as LogLevel | undefined)
  const log = makeLog({ name: 'edge', level })
  const version = env.BYNAME_VERSION ?? '0.1.0'
  const edge = await startEdge(settings, { log, version })
  onReload(() => void edge.reload())
  onShutdown(() => edge.close())
}

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
    const settings = parseEdgeSettings(text, file, settingsPlaces(env))
    if (state === undefined) return settings
    const stateDirectory = path.resolve(state)
    const controlPath = settingsPlaces(env).controlPath(stateDirectory)
    return { ...settings, stateDirectory, controlPath }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const why = error.problems.map((problem) => formatProblem(problem, text)).join('\n')
    const what = `the settings in ${file} are refused`
    throw Object.assign(new Error(what), { code: error.code, why, exitCode: 2 })
  }
}
