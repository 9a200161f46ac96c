import type { Hostname } from '../names/hostname.ts'
import { formatPattern, type NamePattern } from '../names/pattern.ts'
import { LabelTrie } from '../names/trie.ts'
import type { PortRange } from '../tunnel/control.ts'

/** Where an app's flows go. */
export type Target =
  /** To the name and port that were asked for. */
  | { readonly kind: 'as-asked' }
  /** To another name; `port` undefined: the port that was asked for. */
  | { readonly kind: 'name'; readonly name: Hostname; readonly port: number | undefined }
  /** To these addresses, named literally by the app's owner, so that no veto is for them. */
  | {
      readonly kind: 'address'
      readonly addresses: readonly string[]
      readonly port: number | undefined
    }
  | { readonly kind: 'unix'; readonly path: string }

/** One entry of `apps:`. */
export interface App {
  /** An exact host or `*.base`. */
  readonly pattern: NamePattern
  readonly to: Target
  /** As the author wrote `to`, for status. */
  readonly written: string | undefined
  readonly ports: readonly PortRange[]
  readonly health: 'tcp' | 'none'
}

/**
 * What this connector publishes, asked at each flow: an edge cannot make it dial anything else. An
 * exact host hides a wildcard that covers it, also on ports that only the wildcard has.
 */
export class Apps {
  readonly all: readonly App[]
  readonly #trie = new LabelTrie<App>()

  constructor(apps: readonly App[]) {
    this.all = apps
    for (const app of apps) this.#trie.add(app.pattern, app)
  }

  find(name: Hostname, port: number): App | undefined {
    return this.covering(name).find((app) => app.ports.some((range) => isIn(range, port)))
  }

  /** Every app of the most specific pattern that covers `name`. */
  covering(name: Hostname): readonly App[] {
    const found = this.#trie.find(name)
    const [first] = found
    if (!first) return []
    const pattern = formatPattern(first.pattern)
    return found.filter((app) => formatPattern(app.pattern) === pattern)
  }
}

const isIn = ({ from, to }: PortRange, port: number) => from <= port && port <= to
