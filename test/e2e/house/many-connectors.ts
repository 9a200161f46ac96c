/**
 * A thousand sites in one process: `node many-connectors.ts DIRECTORY COUNT TOKEN_FILE…` enrols COUNT
 * connectors, each with a key, a state directory and tunnels of its own, and keeps them. A line of
 * JSON each 100 ms says how many have a tunnel.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { runConnector } from '../../../connector/main.ts'
import { parseConnectorSettings } from '../../../connector/settings.ts'
import { makeLog } from '../../../process/log.ts'

export interface Sites {
  readonly ready: number
  /** Since some were not ready, in milliseconds; 0 while all are. */
  readonly awayMs: number
}

/** Enrolments under way at once. */
const AT_ONCE = 20

const [directory = '', count = '0', ...tokenFiles] = process.argv.slice(2)
const total = Number(count)
const tokens = tokenFiles.map((file) => readFileSync(file, 'utf8'))
const log = makeLog({ name: 'sites', level: 'error' })
const connectors: Awaited<ReturnType<typeof runConnector>>[] = []
let next = 0
let awaySince: number | undefined
setInterval(tell, 100)
await Promise.all(Array.from({ length: AT_ONCE }, enrolSome))

function tell(): void {
  const ready = connectors.filter(({ isReady }) => isReady).length
  if (ready < total) awaySince ??= performance.now()
  else awaySince = undefined
  const awayMs = awaySince === undefined ? 0 : performance.now() - awaySince
  const sites: Sites = { ready, awayMs }
  console.log(JSON.stringify(sites))
}

async function enrolSome(): Promise<void> {
  while (next < total) connectors.push(await enrolOne(next++))
}

function enrolOne(index: number) {
  const tokenFile = path.join(directory, `${index}.token`)
  writeFileSync(tokenFile, tokens[index % tokens.length] ?? '', { mode: 0o600 })
  const text = `state: site${index}
token-file: ${tokenFile}
apps: [{ host: s${index}.corp.internal, ports: 80, health: none }]
`
  const settings = parseConnectorSettings(text, path.join(directory, 'connector.yaml'))
  return runConnector(settings, { log, env: {}, version: '0.1.0', hasControl: false })
}
