/** One node of a `.cpuprofile`, as V8 writes it. */
interface ProfileNode {
  readonly id: number
  readonly callFrame: { functionName: string; url: string; lineNumber: number }
  readonly children?: readonly number[]
}

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  /** Microseconds of the monotonic clock. */
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Who was on the stack for how long. */
interface Frame {
  readonly name: string
  micros: number
  readonly children: Map<string, Frame>
}

const WIDTH = 1200
const ROW = 17
/** Narrower frames say nothing. */
const LEAST_WIDTH = 1.5
const CHARACTER = 6.3

/** A flame graph of what a process did in [fromMicros, toMicros), as SVG; the root is below. */
export function flameGraph(
  profile: CpuProfile,
  [fromMicros, toMicros]: readonly [number, number],
  title: string,
): string {
  const root = fold(profile, fromMicros, toMicros)
  const height = (depthOf(root) + 2) * ROW
  const rects: string[] = []
  draw(root, { x: 0, y: height - ROW, scale: WIDTH / root.micros }, rects)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fffdf7"/>
<text x="4" y="12">${escaped(title)}</text>
${rects.join('\n')}
</svg>
`
}

function fold(profile: CpuProfile, fromMicros: number, toMicros: number): Frame {
  const stacks = stacksOf(profile)
  const root = makeFrame('all')
  let at = profile.startTime
  profile.samples.forEach((id, i) => {
    const micros = profile.timeDeltas[i] ?? 0
    at += micros
    const stack = stacks.get(id) ?? []
    if (at < fromMicros || at >= toMicros || stack.includes('(idle)')) return
    root.micros += micros
    let frame = root
    for (const name of stack) {
      const child = frame.children.get(name) ?? makeFrame(name)
      frame.children.set(name, child)
      child.micros += micros
      frame = child
    }
  })
  return root
}

/** The names from the outermost to the innermost, by the node that V8 sampled. */
function stacksOf({ nodes }: CpuProfile): Map<number, readonly string[]> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const stacks = new Map<number, readonly string[]>()
  const walk = (node: ProfileNode, above: readonly string[]) => {
    const stack = node.callFrame.functionName === '(root)' ? above : [...above, nameOf(node)]
    stacks.set(node.id, stack)
    for (const id of node.children ?? []) walk(byId.get(id) as ProfileNode, stack)
  }
  if (nodes[0]) walk(nodes[0], [])
  return stacks
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName || '(anonymous)'
  if (url === '') return name.startsWith('(') ? name : `${name} [native]`
  return `${name} ${url.replace(/^file:.*\/([^/]+\/[^/]+)$/, '$1')}:${lineNumber + 1}`
}

const makeFrame = (name: string): Frame => ({ name, micros: 0, children: new Map() })

const depthOf = (frame: Frame): number =>
  1 + Math.max(0, ...[...frame.children.values()].map(depthOf))

function draw(
  frame: Frame,
  { x, y, scale }: { x: number; y: number; scale: number },
  rects: string[],
): void {
  const width = frame.micros * scale
  if (width < LEAST_WIDTH) return
  const share = ((width / WIDTH) * 100).toFixed(1)
  const label = escaped(frame.name.slice(0, Math.floor(width / CHARACTER)))
  rects.push(
    `<g><title>${escaped(frame.name)} ${share} %</title>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(frame.name)}"/>` +
      `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${label}</text></g>`,
  )
  let at = x
  for (const child of frame.children.values()) {
    draw(child, { x: at, y: y - ROW, scale }, rects)
    at += child.micros * scale
  }
}

/** Native calls, Node's own code, V8 itself, and ours. */
function colourOf(name: string): string {
  if (name.endsWith('[native]')) return '#f4a582'
  if (/^(\([a-z ]+\)|all)$/.test(name)) return '#d9d9d9'
  return name.includes(' node:') ? '#92c5de' : '#a6dba0'
}

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
