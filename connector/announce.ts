import { formatPattern, includes, readPattern } from '../names/pattern.ts'
import type { Announce, AnnouncedApp, Notice } from '../tunnel/control.ts'
import type { App } from './app.ts'

export type OriginHealth = AnnouncedApp['health']

/** ANNOUNCE: all that this connector offers now. */
export function announcementOf(
  apps: readonly App[],
  healthOf: (app: App) => OriginHealth,
): Announce {
  return { kind: 'announce', apps: apps.map((app) => announced(app, healthOf(app))) }
}

function announced({ pattern, ports, to }: App, health: OriginHealth): AnnouncedApp {
  return { pattern: formatPattern(pattern), ports, fixedTo: to.kind !== 'as-asked', health }
}

/**
 * The apps that the edge will not take, because no grant of the enrolment includes their names. The
 * edge decides; this is so that the admin hears it here as well.
 */
export function ungranted(apps: readonly App[], grants: readonly string[]): App[] {
  const granted = grants
    .map((grant) => readPattern(grant))
    .filter((read) => read.kind === 'pattern')
  return apps.filter((app) => !granted.some((grant) => includes(grant.pattern, app.pattern)))
}

export interface KeptNotice {
  readonly at: number
  readonly level: Notice['level']
  readonly code: string
  readonly text: string
  /** How often it came since. */
  readonly count: number
}

const MAX_NOTICES = 50

/** What the edges told this connector, the same thing once, the oldest forgotten first. */
export class Notices {
  readonly #kept = new Map<string, KeptNotice>()

  /** @returns whether it is news: worth a line in the log */
  keep({ level, code, text }: Notice, now: number): boolean {
    const key = `${code}\n${text}`
    const before = this.#kept.get(key)
    this.#kept.delete(key)
    this.#kept.set(key, { at: now, level, code, text, count: (before?.count ?? 0) + 1 })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_NOTICES && oldest !== undefined) this.#kept.delete(oldest)
    return before === undefined
  }

  get all(): readonly KeptNotice[] {
    return [...this.#kept.values()]
  }

  /** What was said of the old settings says nothing of the new ones. */
  clear(): void {
    this.#kept.clear()
  }
}
