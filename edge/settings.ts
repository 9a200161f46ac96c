import path from 'node:path'
import { findHostname, type Hostname } from '../names/hostname.ts'
import { readYaml, type YamlEntry, type YamlNode, YamlWalk } from '../process/yaml.ts'
import { readRequirement } from './settings/tls.ts'
import {
  type HostPort,
  readDuration,
  readHostPort,
  readOrigin,
  readPath,
  readSize,
} from './settings/values.ts'

export type { HostPort }

/** Everything an edge is told by its file (`edge.yaml`, docs/edge.md). */
export interface EdgeSettings {
  readonly listen: HostPort
  /** How clients and connectors reach this edge; left out: `https://` and what it listens on. */
  readonly url?: string | undefined
  /** Which edge this is: peers sign it. */
  readonly name: string
  readonly stateDirectory: string
  /** The admin's Unix socket. */
  readonly controlPath: string
  /** Left out: an empty policy, which denies everything. */
  readonly policyFile?: string | undefined
  /** Private and owned even while no connector is granted them. */
  readonly zones: readonly Hostname[]
  /** Left out: no health listener. */
  readonly health?: HostPort | undefined
  readonly flowLog: { readonly maxAgeMs: number; readonly maxBytes: number }
  /** A load balancer ends TLS: proofs cannot be bound to the connection. */
  readonly tlsEndsBeforeEdge: boolean
  /** Peers without a post-quantum key agreement are refused in TLS's handshake. */
  readonly requirePostQuantum: boolean
  readonly limits: EdgeLimits
}

/** How much anybody may take. */
export interface EdgeLimits {
  /** TCP connections at once, tunnels among them. */
  readonly connections: number
  /** Of them, those that have not said who they are; beyond it the oldest are dropped. */
  readonly unproven: number
  /** Of those, of one address. */
  readonly unprovenPerAddress: number
  readonly tunnelsPerPeer: number
  readonly flows: number
  readonly flowsPerSession: number
}

export const DEFAULT_LIMITS: EdgeLimits = {
  connections: 20_000,
  unproven: 4096,
  unprovenPerAddress: 100,
  tunnelsPerPeer: 64,
  flows: 100_000,
  flowsPerSession: 20_000,
}

export const DEFAULT_FLOW_LOG = { maxAgeMs: 30 * 86_400_000, maxBytes: 256 * 2 ** 20 }

/** The name of an edge whose file gives it none. */
export const DEFAULT_NAME = 'edge'

/** Where things are when the file does not say. */
export interface SettingsPlaces {
  readonly stateDirectory: string
  controlPath(stateDirectory: string, edgeName: string): string
}

/**
 * Reads `edge.yaml`. Paths in it start from its own directory.
 * @throws {ConfigError} with every problem found
 */
export function parseEdgeSettings(
  text: string,
  file: string,
  places: SettingsPlaces,
): EdgeSettings {
  const document = readYaml(text, file)
  const walk = new YamlWalk(document)
  const map = walk.map(document.root, {
    what: "the edge's settings",
    keys: KEYS,
    required: ['listen'],
  })
  const read = <Value>(key: Key, reader: (walk: YamlWalk, entry: YamlEntry) => Value) => {
    const entry = map.get(key)
    return entry && reader(walk, entry)
  }
  const listen = read('listen', readHostPort) ?? { host: '127.0.0.1', port: 0 }
  const url = read('url', readOrigin)
  if (!url && isEverywhere(listen.host)) refuseNoUrl(walk, map.get('listen'))
  const state = map.get('state')
  const stateDirectory = (state && readPath(walk, state, file)) ?? places.stateDirectory
  const control = map.get('control')
  const name = read('name', readName) ?? DEFAULT_NAME
  const tlsEndsBeforeEdge =
    read('tls-ends-before-edge', (it, { value }) => it.boolean(value, 'this')) ?? false
  const settings: EdgeSettings = {
    listen,
    url,
    name,
    stateDirectory,
    controlPath:
      (control && readPath(walk, control, file)) ?? places.controlPath(stateDirectory, name),
    policyFile: readPolicyFile(walk, map.get('policy')?.value, file),
    zones: readZones(walk, map.get('zones')?.value),
    health: read('health', readHostPort),
    flowLog: readFlowLog(walk, map.get('flow-log')?.value),
    tlsEndsBeforeEdge,
    requirePostQuantum: readRequirement(walk, map.get('tls')?.value, tlsEndsBeforeEdge),
    limits: readLimits(walk, map.get('limits')?.value),
  }
  walk.finish()
  return settings
}

const KEYS = [
  'listen',
  'url',
  'name',
  'state',
  'control',
  'policy',
  'zones',
  'health',
  'flow-log',
  'tls',
  'tls-ends-before-edge',
  'limits',
] as const
type Key = (typeof KEYS)[number]

const isEverywhere = (host: string) => host === '0.0.0.0' || host === '::'

function refuseNoUrl(walk: YamlWalk, listen: YamlEntry | undefined): void {
  if (!listen) return
  const message = 'nobody can dial "all addresses": url is needed beside this listen'
  walk.refuse(listen.value.at, message, { fix: 'add url: https://edge.example.com' })
}

function readName(walk: YamlWalk, { value }: YamlEntry): string | undefined {
  const text = walk.text(value, 'name')
  if (text === undefined || /^[a-z0-9][a-z0-9.-]{0,62}$/.test(text)) return text
  return walk.refuse(value.at, 'name must be lower-case letters, digits, dots and hyphens')
}

function readPolicyFile(
  walk: YamlWalk,
  node: YamlNode | undefined,
  file: string,
): string | undefined {
  const before = walk.problemCount
  const map = walk.map(node, {
    what: 'policy',
    keys: ['file'],
    later: { store: 'a policy kept in the store is not supported yet: use policy: { file: … }' },
  })
  const entry = map.get('file')
  if (entry) return readPath(walk, entry, file)
  if (!node || walk.problemCount > before) return undefined
  return walk.refuse(node.at, 'policy needs file', { fix: 'write policy: { file: policy.yaml }' })
}

function readZones(walk: YamlWalk, node: YamlNode | undefined): Hostname[] {
  return walk.oneOrMore(node).flatMap((item) => {
    const text = walk.text(item, 'a zone')
    const zone = text === undefined ? undefined : findHostname(text)
    if (text !== undefined && !zone) {
      walk.refuse(item.at, 'a zone must be a hostname', { fix: 'write corp.internal, no pattern' })
    }
    return zone ? [zone] : []
  })
}

function readFlowLog(walk: YamlWalk, node: YamlNode | undefined): EdgeSettings['flowLog'] {
  const map = walk.map(node, { what: 'flow-log', keys: ['keep', 'size'] })
  const [keep, size] = [map.get('keep'), map.get('size')]
  return {
    maxAgeMs: (keep && readDuration(walk, keep)) ?? DEFAULT_FLOW_LOG.maxAgeMs,
    maxBytes: (size && readSize(walk, size)) ?? DEFAULT_FLOW_LOG.maxBytes,
  }
}

const LIMIT_KEYS = {
  connections: 'connections',
  unproven: 'unproven',
  'unproven-per-address': 'unprovenPerAddress',
  'tunnels-per-peer': 'tunnelsPerPeer',
  flows: 'flows',
  'flows-per-session': 'flowsPerSession',
} as const

function readLimits(walk: YamlWalk, node: YamlNode | undefined): EdgeLimits {
  const keys = Object.keys(LIMIT_KEYS) as (keyof typeof LIMIT_KEYS)[]
  const limits: Record<keyof EdgeLimits, number> = { ...DEFAULT_LIMITS }
  for (const [key, entry] of walk.map(node, { what: 'limits', keys })) {
    const value = walk.integer(entry.value, key, { min: 1, max: 1_000_000 })
    if (value !== undefined) limits[LIMIT_KEYS[key]] = value
  }
  return limits
}

/** `https://` and the address listened on, for an edge whose file names no url. */
export function urlOf(settings: EdgeSettings, port: number): string {
  if (settings.url !== undefined) return settings.url
  const { host } = settings.listen
  const shown = host.includes(':') ? `[${host}]` : host
  return new URL(`https://${shown}:${port}`).origin
}

/** Where this edge's database is. */
export const storeFile = (settings: EdgeSettings): string =>
  path.join(settings.stateDirectory, 'edge.db')
