import path from 'node:path'
import { formatPattern, type NamePattern, readPattern } from '../../names/pattern.ts'
import type { YamlEntry, YamlNode, YamlWalk } from '../../process/yaml.ts'
import type { PortRange } from '../../tunnel/control.ts'
import type { App } from '../app.ts'
import { formatRange, onePort, overlap, readPorts } from './ports.ts'
import { readTarget, type TargetRead } from './target.ts'

/** All of them go in one ANNOUNCE of at most 1 MiB. */
const MAX_APPS = 1000
const MAX_RANGES = 8192

const KEYS = ['host', 'to', 'ports', 'health'] as const
type Entries = ReadonlyMap<(typeof KEYS)[number], YamlEntry>

/** Reads `apps:`; problems go to `walk`. */
export function readApps(walk: YamlWalk, node: YamlNode | undefined, file: string): App[] {
  const items = walk.list(node, 'apps')
  if (node && items.length === 0) {
    walk.refuse(node.at, 'apps is empty: this connector would publish nothing', {
      fix: 'write "- { host: wiki.corp.internal, ports: [80] }" below it',
    })
  }
  if (node && items.length > MAX_APPS) walk.refuse(node.at, `apps has ${MAX_APPS} entries at most`)
  const apps: App[] = []
  for (const item of items.slice(0, MAX_APPS)) {
    const app = readApp(walk, item, file)
    if (app && !clashes(walk, item, app, apps)) apps.push(app)
  }
  const ranges = apps.reduce((sum, { ports }) => sum + ports.length, 0)
  if (node && ranges > MAX_RANGES)
    walk.refuse(node.at, `apps have ${MAX_RANGES} ports at most in all`)
  return apps
}

function readApp(walk: YamlWalk, node: YamlNode, file: string): App | undefined {
  const entries: Entries = walk.map(node, { what: 'an app', keys: KEYS, required: ['host'] })
  const pattern = readHost(walk, entries.get('host'))
  const written = textOf(walk, entries.get('to'))
  const target = written === undefined ? AS_ASKED : checkTarget(walk, entries, written, file)
  const ports = target && portsOf(walk, entries, target, pattern)
  const health = healthOf(walk, entries, pattern, target)
  if (!pattern || !target || !ports || !health) return undefined
  return { pattern, to: target.target, written, ports, health }
}

type Target = Extract<TargetRead, { kind: 'target' }>
const AS_ASKED: Target = { kind: 'target', target: { kind: 'as-asked' }, ports: [] }

function readHost(walk: YamlWalk, entry: YamlEntry | undefined): NamePattern | undefined {
  const text = textOf(walk, entry)
  if (text === undefined || !entry) return undefined
  const read = readPattern(text)
  if (read.kind === 'pattern' && read.pattern.kind !== 'domain') return read.pattern
  const fix = read.kind === 'pattern' ? `write "*.${read.pattern.base}"` : HOST_FIX
  const what = `${JSON.stringify(text.slice(0, 100))} is not a host that can be published`
  return walk.refuse(entry.value.at, what, { fix })
}

const HOST_FIX = 'write a name such as wiki.corp.internal, or "*.ci.corp.internal"'

function checkTarget(
  walk: YamlWalk,
  entries: Entries,
  text: string,
  file: string,
): Target | undefined {
  const read = readTarget(text, path.dirname(path.resolve(file)))
  if (read.kind === 'target') return read
  const at = entries.get('to')?.value.at
  return at && walk.refuse(at, `to: ${read.why}`, { fix: read.fix })
}

function portsOf(
  walk: YamlWalk,
  entries: Entries,
  { ports }: Target,
  pattern: NamePattern | undefined,
): readonly PortRange[] | undefined {
  const entry = entries.get('ports')
  if (entry) return readPorts(walk, entry.value)
  if (ports.length > 0) return ports.map(onePort)
  const host = entries.get('host')
  if (!host || !pattern) return undefined
  const message = `nothing says on which ports ${formatPattern(pattern)} is reached`
  return walk.refuse(host.keyAt, message, { fix: 'write "ports: [80]", or a "to" with a port' })
}

/** A wildcard that goes where it was asked for has no one origin that could be checked. */
function healthOf(
  walk: YamlWalk,
  entries: Entries,
  pattern: NamePattern | undefined,
  target: Target | undefined,
): App['health'] | undefined {
  const entry = entries.get('health')
  const hasOrigin = pattern?.kind === 'host' || target?.target.kind !== 'as-asked'
  if (!entry) return hasOrigin ? 'tcp' : 'none'
  const health = walk.oneOf(entry.value, 'health', ['tcp', 'none'])
  if (health !== 'tcp' || hasOrigin) return health
  return walk.refuse(entry.value.at, 'a wildcard without "to" has no origin to check', {
    fix: 'write "health: none"',
  })
}

function clashes(walk: YamlWalk, node: YamlNode, app: App, before: readonly App[]): boolean {
  const host = formatPattern(app.pattern)
  const same = before.filter((one) => formatPattern(one.pattern) === host)
  const twice = app.ports.find((range) =>
    same.some((one) => one.ports.some((other) => overlap(range, other))),
  )
  if (twice) walk.refuse(node.at, `${host} has port ${formatRange(twice)} already, further up`)
  return twice !== undefined
}

function textOf(walk: YamlWalk, entry: YamlEntry | undefined): string | undefined {
  return entry && walk.text(entry.value, entry.key)
}
