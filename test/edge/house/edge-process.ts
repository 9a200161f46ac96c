/**
 * An edge in a process of its own, with the demo provider, so that tests can kill it:
 *
 *   node edge-process.ts DIRECTORY PORT
 *
 * Tells its parent over IPC where it is; logs JSON lines on stderr.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { startDemoProvider } from '../../../edge/demo/provider.ts'
import { startEdge } from '../../../edge/main.ts'
import { parseEdgeSettings } from '../../../edge/settings.ts'
import { makeLog } from '../../../process/log.ts'
import { onShutdown } from '../../../process/signals.ts'

export interface EdgeReady {
  readonly url: string
  readonly caPem: string
  readonly deployment: string
  readonly controlPath: string
  readonly healthUrl: string
  readonly provider: { readonly url: string; readonly secretFile: string }
}

export const PEOPLE = ['alice@example.com', 'bob@example.com']

if (import.meta.main) await main(process.argv[2] ?? '.', process.argv[3] ?? '0')

async function main(directory: string, port: string): Promise<void> {
  const secretFile = path.join(directory, 'demo.secret')
  const provider = await startDemoProvider({ people: PEOPLE, secretFile, now: Date.now })
  const file = path.join(directory, 'edge.yaml')
  const text = readFileSync(file, 'utf8').replace('PORT', port)
  const settings = parseEdgeSettings(text, file, {
    stateDirectory: path.join(directory, 'state'),
    controlPath: (state) => path.join(state, 'edge.sock'),
  })
  const log = makeLog({ name: 'edge' })
  const edge = await startEdge(settings, { log, demo: { issuer: provider.issuer } })
  onShutdown(async () => {
    await edge.close()
    await provider.close()
  })
  const { url, caPem, deployment, controlPath, healthUrl = '' } = edge
  const ready: EdgeReady = {
    ...{ url, caPem, deployment, controlPath, healthUrl },
    provider: { url: provider.url, secretFile },
  }
  process.send?.(ready)
}
