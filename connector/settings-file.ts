import { readFileSync } from 'node:fs'
import { ConfigError, formatProblem } from '../process/yaml.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import { type ConnectorSettings, parseConnectorSettings } from './settings.ts'

/**
 * Reads a settings file.
 * @throws {ConfigError} whose `why` has each problem with its line and a caret; what `readFile` throws
 */
export function readSettings(file: string): ConnectorSettings {
  return parse(readFileSync(file, 'utf8'), file)
}

export interface SettingsWatch {
  readonly file: string
  readonly clock: Pick<TunnelClock, 'after'>
  readonly changed: (settings: ConnectorSettings) => void
  /** The file is refused; what was in force before stays. */
  readonly refused: (why: string) => void
}

const LOOK_EVERY_MS = 1000

/**
 * Looks at the file every second: text against text, for that holds on every file system and however
 * an editor or a mounted configuration replaces it.
 * @returns the way to look at once (SIGHUP), and to stop
 */
export function watchSettings(watch: SettingsWatch): { look(): void; stop(): void } {
  const { file, clock, changed, refused } = watch
  let seen = textOf(file)
  let stopTimer: () => void
  const look = () => {
    const text = textOf(file)
    if (text === seen) return
    seen = text
    // Between a removal and the new file there is none: that says nothing.
    if (text !== undefined) judge(text)
  }
  const judge = (text: string) => {
    try {
      changed(parse(text, file))
    } catch (error) {
      refused((error as { why?: string }).why ?? (error as Error).message)
    }
  }
  const again = () => {
    stopTimer = clock.after(LOOK_EVERY_MS, () => {
      look()
      again()
    })
  }
  again()
  return { look, stop: () => stopTimer() }
}

function parse(text: string, file: string): ConnectorSettings {
  try {
    return parseConnectorSettings(text, file)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const why = error.problems.map((problem) => formatProblem(problem, text)).join('\n')
    const what = `the settings in ${file} are refused`
    throw Object.assign(new Error(what), { code: error.code, why, exitCode: 2 })
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
