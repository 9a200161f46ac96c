import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Everything that the demo keeps is below the clone's `.byname/`. */
export interface Place {
  readonly directory: string
  readonly edgeState: string
  readonly connectorState: string
  readonly apps: string
  readonly profiles: string
  readonly edgeConfig: string
  readonly connectorConfig: string
  readonly token: string
  /** What the children log. */
  readonly log: string
}

export const PEOPLE = ['alice', 'bob'] as const
export type PersonName = (typeof PEOPLE)[number]
export const emailOf = (name: PersonName) => `${name}@example.com`

/** A clean place: what an earlier demo left is gone, other profiles stay. */
export function makePlace(home: string): Place {
  const directory = path.join(home, '.byname')
  const at = (...parts: string[]) => path.join(directory, ...parts)
  const old = ['edge', 'connector', 'apps', ...PEOPLE.map((name) => `profiles/${name}`)]
  for (const one of old) rmSync(at(one), { recursive: true, force: true })
  for (const one of ['edge', 'connector', 'apps', 'profiles'])
    mkdirSync(at(one), { recursive: true, mode: 0o700 })
  writeFileSync(at('log'), '', { mode: 0o600 })
  return {
    directory,
    edgeState: at('edge'),
    connectorState: at('connector'),
    apps: at('apps'),
    profiles: at('profiles'),
    edgeConfig: at('edge', 'edge.yaml'),
    connectorConfig: at('connector', 'connector.yaml'),
    token: at('connector', 'hq.token'),
    log: at('log'),
  }
}

export const POLICY = `# The demo's policy: see docs/policy.md. Edit it while the demo is up: it is read again at once.
version: 1

groups:
  staff: [alice@example.com]
  contractors: [bob@example.com]

allow:
  staff-read-the-wiki:
    who: group:staff
    to: wiki.corp.internal
    ports: 80
  staff-query-the-database:
    who: group:staff
    to: db.corp.internal
    ports: 5432

block:
  contractors-stay-off-the-database:
    who: group:contractors
    to: db.corp.internal

tests:
  - { as: { email: alice@example.com }, to: "wiki.corp.internal:80", expect: allow }
  - { as: { email: bob@example.com }, to: "wiki.corp.internal:80", expect: deny no-rule }
  - as: { email: bob@example.com }
    to: db.corp.internal:5432
    expect: deny by contractors-stay-off-the-database
`

export function writeEdgeFiles(place: Place, port: number): void {
  writeFileSync(path.join(place.edgeState, 'policy.yaml'), POLICY)
  writeFileSync(
    place.edgeConfig,
    `listen: 127.0.0.1:${port}\nstate: .\npolicy: { file: policy.yaml }\n`,
  )
}

/** Sockets are named from the connector's own directory: a Unix path has 107 bytes at most. */
export function writeConnectorFiles(place: Place, token: string, hasDatabase: boolean): void {
  const apps = [`{ host: wiki.corp.internal, to: "unix:../apps/wiki.sock", ports: 80 }`]
  const database = 'unix:../apps/db/data/.s.PGSQL.5432'
  if (hasDatabase) apps.push(`{ host: db.corp.internal, to: "${database}", ports: 5432 }`)
  writeFileSync(place.token, token, { mode: 0o600 })
  const lines = ['state: .', 'token-file: hq.token', 'apps:', ...apps.map((app) => `  - ${app}`)]
  writeFileSync(place.connectorConfig, `${lines.join('\n')}\n`)
}
