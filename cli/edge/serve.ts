import { startEdge } from '../../edge/main.ts'
import { makeLog, parseLogLevel } from '../../process/log.ts'
import { onReload, onShutdown, onStopAsked } from '../../process/signals.ts'
import { configFile, type Environment } from '../../process/state.ts'
import type { RunFlags } from './flags.ts'
import { readEdgeSettings } from './settings.ts'

/** `byname edge run`: in the foreground until it is drained, by a signal or by `byname edge drain`. */
export async function serveEdge(flags: RunFlags, env: Environment): Promise<void> {
  const settings = readEdgeSettings(configFile('edge', flags.config, env), flags.state, env)
  const level = parseLogLevel(flags.logLevel ?? env.BYNAME_LOG_LEVEL)
  const log = makeLog({ name: 'edge', level })
  const version = env.BYNAME_VERSION ?? '0.1.0'
  const edge = await startEdge(settings, { log, version })
  onReload(() => void edge.reload())
  onStopAsked(() => {
    edge.drain(SHORT_DRAIN_MS)
    // Whoever asks again does not want to wait.
    onShutdown(() => edge.close())
  })
  await edge.drained
  await edge.close()
  process.exit()
}

/** systemd and others kill what has not stopped by itself soon; a drain that may take longer is asked for. */
const SHORT_DRAIN_MS = 10_000
