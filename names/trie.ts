import type { Hostname } from './hostname.ts'
import type { NamePattern } from './pattern.ts'

/**
 * Values filed under patterns, found by name in one walk over its labels, the most specific first
 * (host, then by longer base, `*.` before `domain:` on one base).
 */
export class LabelTrie<Value> {
  readonly #root: Node<Value> = newNode()

  add(pattern: NamePattern, value: Value): void {
    let node = this.#root
    for (const label of pattern.base.split('.').reverse()) {
      const next = node.children.get(label) ?? newNode<Value>()
      node.children.set(label, next)
      node = next
    }
    node[pattern.kind].push(value)
  }

  /** Every value whose pattern covers `name`, the most specific first; an empty array if none. */
  find(name: Hostname): Value[] {
    const path = this.#walk(name)
    const found: Value[] = []
    const depth = countLabels(name)
    for (let at = path.length - 1; at >= 0; at--) {
      const node = path[at]
      if (!node) continue
      if (at === depth) found.push(...node.host)
      if (at === depth - 1) found.push(...node.wildcard)
      found.push(...node.domain)
    }
    return found
  }

  /** Whether any pattern's base is `name` or lies below it: tells an empty non-terminal. */
  hasAtOrBelow(name: Hostname): boolean {
    return this.#walk(name).length === countLabels(name) + 1
  }

  /** The nodes on the way from the root to `name`; index = number of labels matched. */
  #walk(name: Hostname): Node<Value>[] {
    const path = [this.#root]
    let end = name.length
    while (end > 0) {
      const dot = name.lastIndexOf('.', end - 1)
      const next = path[path.length - 1]?.children.get(name.slice(dot + 1, end))
      if (!next) break
      path.push(next)
      end = dot
    }
    return path
  }
}

interface Node<Value> {
  readonly children: Map<string, Node<Value>>
  readonly host: Value[]
  readonly wildcard: Value[]
  readonly domain: Value[]
}

function newNode<Value>(): Node<Value> {
  return { children: new Map(), host: [], wildcard: [], domain: [] }
}

function countLabels(name: string): number {
  let count = 1
  for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) count++
  return count
}
