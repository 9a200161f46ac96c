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
      node = childOf(node, label)
    }
    const values = node[pattern.kind]
    if (values) values.push(value)
    else node[pattern.kind] = [value]
  }

  /** Every value whose pattern covers `name`, the most specific first; an empty array if none. */
  find(name: Hostname): Value[] {
    const path = this.#walk(name)
    const found: Value[] = []
    const depth = countLabels(name)
    for (let at = path.length - 1; at >= 0; at--) {
      const node = path[at]
      if (!node) continue
      if (at === depth && node.host) found.push(...node.host)
      if (at === depth - 1 && node.wildcard) found.push(...node.wildcard)
      if (node.domain) found.push(...node.domain)
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
      const next = path[path.length - 1]?.children?.get(name.slice(dot + 1, end))
      if (!next) break
      path.push(next)
      end = dot
    }
    return path
  }
}

/** Parts come when they are needed: most nodes are the end of one host, and there may be many. */
interface Node<Value> {
  children: Map<string, Node<Value>> | undefined
  host: Value[] | undefined
  wildcard: Value[] | undefined
  domain: Value[] | undefined
}

function newNode<Value>(): Node<Value> {
  return { children: undefined, host: undefined, wildcard: undefined, domain: undefined }
}

function childOf<Value>(node: Node<Value>, label: string): Node<Value> {
  node.children ??= new Map()
  const known = node.children.get(label)
  if (known) return known
  const child = newNode<Value>()
  node.children.set(label, child)
  return child
}

function countLabels(name: string): number {
  let count = 1
  for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) count++
  return count
}
