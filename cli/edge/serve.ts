import { startEdge } from '../../edge/main.ts'
import { makeLog, parseLogLevel } from '../../process/log.ts'
import { onReload, onShutdown } from '../../process/signals.ts'
import { configFile, type Environment } from '../../process/state.ts'
import type { RunFlags } from './flags.ts'
import { readEdgeSettings } from './settings.ts'

/** `byname edge run`: in the foreground until a signal. */
export async function serveEdge(flags: RunFlags, env: Environment): Promise<void> {
  const settings = readEdgeSettings(configFile('edge', flags.config, env), flags.state, env)
  const level = parseLogLevel(flags.logLevel ?? env.BYNAME_LOG_LEVEL)
  const log = makeLog({ name: 'edge', level })
  const version = env.BYNAME_VERSION ?? '0.1.0'
  const edge = await startEdge(settings, { log, version })
  onReload(() => void edge.reload())
  onShutdown(() => edge.close())
}
