import type { Log } from '../../process/log.ts'
import { KnownEdges } from '../../tunnel/edges.ts'
import type { Profile } from '../profile.ts'
import { keepEdges } from './kept-edges.ts'

/** The edges that this client may dial, and which is next. */
export class Edges {
  readonly #known: KnownEdges
  readonly #profile: Profile
  readonly #log: Log
  #kept: string
  #last: string | undefined
  #tries = 0

  constructor(profile: Profile, kept: readonly string[], log: Log, now: number) {
    this.#profile = profile
    this.#log = log
    this.#known = new KnownEdges(profile.edge.url, kept, now)
    this.#kept = kept.join(' ')
  }

  get all(): readonly string[] {
    return this.#known.all
  }

  /** Behind the last one that stood, those to avoid at the end; the next one at each failed try. */
  next(avoid: ReadonlySet<string>): string {
    const { all } = this
    const begin = this.#last === undefined ? 0 : all.indexOf(this.#last) + 1
    const turned = [...all.slice(begin), ...all.slice(0, begin)]
    const ordered = [
      ...turned.filter((edge) => !avoid.has(edge)),
      ...turned.filter((edge) => avoid.has(edge)),
    ]
    return ordered[this.#tries % ordered.length] ?? this.#profile.edge.url
  }

  failed(): void {
    this.#tries++
  }

  /** A tunnel stands, and its READY lists these. */
  stood(edgeUrl: string, listed: readonly string[], now: number): void {
    this.#tries = 0
    this.#last = edgeUrl
    this.listed(listed, now)
  }

  listed(listed: readonly string[], now: number): void {
    this.#known.listed(listed, now)
    const text = listed.join(' ')
    if (listed.length === 0 || text === this.#kept) return
    this.#kept = text
    keepEdges(this.#profile, listed).catch((error: unknown) => {
      this.#log.warn({ event: 'edges-not-kept', error }, 'the list of edges was not written')
    })
  }
}
