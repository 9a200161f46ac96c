import type { Notice } from './control.ts'

/** READY has as many at most. */
const MAX_EDGES = 8
/** An edge that restarts is in nobody's list meanwhile, and comes back. */
const FORGET_MS = 10 * 60_000

/**
 * The edges of a deployment that an end knows: the one it began with, and what READYs listed. Each
 * edge lists those that it sees, so they are united, and one that is not listed is kept for a while.
 */
export class KnownEdges {
  readonly #first: string
  readonly #listedAt = new Map<string, number>()

  /** `first` stays known, whatever is listed. */
  constructor(first: string, kept: readonly string[] = [], now = 0) {
    this.#first = originOf(first) ?? first
    this.listed(kept, now)
  }

  listed(urls: readonly string[], now: number): void {
    const origins = urls.map(originOf).filter((origin) => origin !== undefined)
    for (const origin of origins) {
      this.#listedAt.delete(origin)
      this.#listedAt.set(origin, now)
    }
    for (const [origin, at] of this.#listedAt) {
      if (now - at > FORGET_MS) this.#listedAt.delete(origin)
    }
  }

  /** The first one, then those that were listed last, in the order of their list. */
  get all(): readonly string[] {
    const listed = [...this.#listedAt].sort(([, a], [, b]) => b - a).map(([origin]) => origin)
    const others = listed.filter((origin) => origin !== this.#first)
    return [this.#first, ...others].slice(0, MAX_EDGES)
  }
}

/** NOTICE with this code lists the edges, as READY does (SPEC.md §8). */
const EDGES = 'edges'

export function edgesNotice(urls: readonly string[]): Notice {
  const facts = Object.fromEntries(urls.map((url, at) => [`edge${at}`, url]))
  return { kind: 'notice', level: 'info', code: EDGES, text: 'the edges have changed', facts }
}

/** The edges that a NOTICE lists; undefined when it is about something else. */
export function edgesOf({ code, facts }: Notice): readonly string[] | undefined {
  return code === EDGES ? Object.values(facts).map(String) : undefined
}

/** One spelling an edge: READY may give `wss://…/tunnel`, a join token `https://…`. */
export function originOf(text: string): string | undefined {
  const url = URL.parse(text.replace(/^wss:/i, 'https:'))
  return url?.protocol === 'https:' ? url.origin : undefined
}
