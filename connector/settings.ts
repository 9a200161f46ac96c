import net from 'node:net'
import path from 'node:path'
import { readYaml, type YamlEntry, YamlWalk } from '../process/yaml.ts'
import type { App } from './app.ts'
import { readApps } from './settings/apps.ts'
import { readTarget } from './settings/target.ts'

/** What a connector is told by its file (`connector.yaml`, docs/connector.md). Paths are absolute. */
export interface ConnectorSettings {
  /** An https origin that overrules the one of the enrolment, where this machine reaches it otherwise. */
  readonly edge: string | undefined
  readonly tokenFile: string | undefined
  /** Directory of the key and the enrolment. */
  readonly state: string | undefined
  /** `http://[user:password@]host:port` of the CONNECT proxy in front. */
  readonly proxy: string | undefined
  /** No tunnel but one whose key agreement a quantum computer does not break. */
  readonly requiresPostQuantum: boolean
  /** Listener of /healthz, /readyz and /metrics; left out: none. */
  readonly health: { readonly host: string; readonly port: number } | undefined
  readonly apps: readonly App[]
}

const KEYS = ['edge', 'token-file', 'state', 'proxy', 'tls', 'health', 'apps'] as const

/**
 * Reads `connector.yaml`; paths in it start from its own directory.
 * @throws {ConfigError} with every problem found
 */
export function parseConnectorSettings(text: string, file: string): ConnectorSettings {
  const document = readYaml(text, file)
  const walk = new YamlWalk(document)
  const what = "the connector's settings"
  const map = walk.map(document.root, { what, keys: KEYS, required: ['apps'] })
  if (!document.root)
    walk.refuse({ line: 1, column: 1 }, `${what} are empty`, { fix: 'add "apps:"' })
  const read = (key: (typeof KEYS)[number], check: Check) => {
    const entry = map.get(key)
    return entry && check(walk, entry)
  }
  const directory = path.dirname(path.resolve(file))
  const settings = {
    edge: read('edge', readOrigin),
    tokenFile: read('token-file', readPath(directory)),
    state: read('state', readPath(directory)),
    proxy: read('proxy', readProxy),
    requiresPostQuantum: readTls(walk, map.get('tls')),
    health: readListener(walk, map.get('health')),
    apps: readApps(walk, map.get('apps')?.value, file),
  }
  walk.finish()
  return settings
}

type Check = (walk: YamlWalk, entry: YamlEntry) => string | undefined

const readPath =
  (directory: string): Check =>
  (walk, entry) => {
    const text = walk.text(entry.value, entry.key)
    return text && path.resolve(directory, text)
  }

const readOrigin: Check = (walk, entry) => {
  const text = walk.text(entry.value, entry.key)
  if (text === undefined) return undefined
  const url = URL.parse(text)
  const isOrigin = url?.protocol === 'https:' && url.href === `${url.origin}/`
  if (isOrigin && isDialable(url.host)) return url.origin
  return walk.refuse(entry.value.at, 'edge must be an https address and no more', {
    fix: 'write https://edge.example.com or https://203.0.113.7:8443',
  })
}

const readProxy: Check = (walk, entry) => {
  const text = walk.text(entry.value, entry.key)
  if (text === undefined) return undefined
  const url = URL.parse(text)
  if (url?.protocol === 'http:' && url.pathname === '/' && isDialable(url.host)) return text
  return walk.refuse(entry.value.at, 'proxy must be the http address of a CONNECT proxy', {
    fix: 'write http://proxy.example.com:3128',
  })
}

function readTls(walk: YamlWalk, entry: YamlEntry | undefined): boolean {
  if (!entry) return false
  const key = 'require-post-quantum'
  const required = walk.map(entry.value, { what: 'tls', keys: [key], required: [key] }).get(key)
  return (required && walk.boolean(required.value, 'this')) ?? false
}

/** Only literals and `localhost`: what a name resolves to is no place to listen. */
function readListener(walk: YamlWalk, entry: YamlEntry | undefined): ConnectorSettings['health'] {
  const text = entry && walk.text(entry.value, entry.key)
  if (text === undefined || !entry) return undefined
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  const bare = host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1')
  if (net.isIP(bare) !== 0 && Number(port) <= 65_535) return { host: bare, port: Number(port) }
  return walk.refuse(entry.value.at, 'health must be an address and a port', {
    fix: 'write 127.0.0.1:9465',
  })
}

/** `URL` takes hosts that are no names; the reader of `to` does not. */
const isDialable = (host: string) => readTarget(host, '/').kind === 'target'
