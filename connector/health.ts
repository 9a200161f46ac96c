import { formatPattern } from '../names/pattern.ts'
import type { TunnelClock } from '../tunnel/port.ts'
import type { OriginHealth } from './announce.ts'
import type { App } from './app.ts'
import type { Dialler } from './dial.ts'

export interface OriginChecksOptions {
  readonly dialler: Pick<Dialler, 'dial'>
  readonly clock: Pick<TunnelClock, 'after'>
  /** Gives [0, 1). */
  readonly random: () => number
  /** An app's health is not what it was: announce again. */
  readonly changed: (app: App, health: OriginHealth, reason: string) => void
}

const EVERY_MS = 15_000
/** One lost SYN takes no app out of service. */
const FAILURES_TO_FAIL = 2
const AGAIN_MS = 2_000
/** Of a list of ports as many are tried until one answers: an app lives if any of it does. */
const MAX_PORTS = 4

/** Connects to each app's origin now and then, and tells when its health changes. */
export class OriginChecks {
  readonly #options: OriginChecksOptions
  readonly #checks = new Map<App, Check>()
  readonly #closed = new AbortController()

  constructor(options: OriginChecksOptions) {
    this.#options = options
  }

  healthOf(app: App): OriginHealth {
    return this.#checks.get(app)?.health ?? 'unknown'
  }

  /**
   * Checks these apps from now on instead of the ones before. Resolves when each was tried once, so
   * that the first announcement need not say "unknown".
   */
  async watch(apps: readonly App[]): Promise<void> {
    for (const check of this.#checks.values()) check.stop()
    this.#checks.clear()
    const watched = apps.filter((app) => app.health === 'tcp')
    for (const app of watched) this.#checks.set(app, { health: 'unknown', failures: 0, stop() {} })
    await Promise.all(watched.map((app) => this.#check(app)))
  }

  /** Checks one app now, out of turn (PROBE). */
  async probe(app: App): Promise<void> {
    this.#checks.get(app)?.stop()
    await this.#check(app)
  }

  close(): void {
    this.#closed.abort()
    for (const check of this.#checks.values()) check.stop()
    this.#checks.clear()
  }

  async #check(app: App): Promise<void> {
    const reason = await this.#findFault(app)
    const check = this.#checks.get(app)
    // Taken off the list, or closed, while its origin was being dialled.
    if (!check) return
    check.failures = reason === undefined ? 0 : check.failures + 1
    this.#tell(app, check, reason)
    const isDoubtful = check.failures > 0 && check.failures < FAILURES_TO_FAIL
    const delayMs = isDoubtful ? AGAIN_MS : EVERY_MS * (0.75 + this.#options.random() / 2)
    check.stop()
    check.stop = this.#options.clock.after(delayMs, () => void this.#check(app))
  }

  #tell(app: App, check: Check, reason: string | undefined): void {
    const isFailing = check.failures >= FAILURES_TO_FAIL || check.health === 'unknown'
    const health = reason === undefined ? 'ok' : isFailing ? 'failing' : check.health
    if (health === check.health) return
    check.health = health
    this.#options.changed(app, health, reason ?? `${formatPattern(app.pattern)} answers`)
  }

  /** Why no port of it can be reached; `undefined` when one can. */
  async #findFault(app: App): Promise<string | undefined> {
    let reason: string | undefined
    for (const port of portsToTry(app)) {
      const name = app.pattern.base
      const dialled = await this.#options.dialler.dial({ app, name, port }, this.#closed.signal)
      if (dialled.kind === 'failed') {
        reason = `${dialled.reason} (${dialled.code})`
      } else {
        dialled.socket.destroy()
        return undefined
      }
    }
    return reason
  }
}

interface Check {
  health: OriginHealth
  failures: number
  stop: () => void
}

/** With a port in its `to`, all of them lead to that one. */
function portsToTry({ ports, to }: App): number[] {
  const isFixed = to.kind === 'unix' || (to.kind !== 'as-asked' && to.port !== undefined)
  return ports.slice(0, isFixed ? 1 : MAX_PORTS).map(({ from }) => from)
}
