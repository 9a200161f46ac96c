import type { Notice } from '../../tunnel/control.ts'
import { edgesNotice } from '../../tunnel/edges.ts'

export interface EdgeNewsOptions {
  /** Of all edges, as READY lists them. */
  readonly urls: () => readonly string[]
  readonly tell: (notice: Notice) => void
}

/** Ends that are here already hear of an edge that comes: their READY listed those before it. */
export class EdgeNews {
  readonly #options: EdgeNewsOptions
  #told: ReadonlySet<string>

  constructor(options: EdgeNewsOptions) {
    this.#options = options
    this.#told = new Set(options.urls())
  }

  /** About every second. */
  look(): void {
    const urls = this.#options.urls()
    const isNews = urls.some((url) => !this.#told.has(url))
    this.#told = new Set(urls)
    if (isNews) this.#options.tell(edgesNotice(urls))
  }
}
