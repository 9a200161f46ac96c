/**
 * An edge in a process of its own, with the demo provider, so that tests can kill it:
 *
 *   node edge-process.ts DIRECTORY PORT [NAME]
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

if (import.meta.main) await main(...process.argv.slice(2))

async function main(directory = '.', port = '0', name = 'edge'): Promise<void> {
  const secretFile = path.join(directory, `demo-${name}.secret`)
  const provider = await startDemoProvider({ people: PEOPLE, secretFile, now: Date.now })
  const file = path.join(directory, 'edge.yaml')
  const text = readFileSync(file, 'utf8').replace('PORT', port).replace('NAME', name)
  const settings = parseEdgeSettings(text, file, {
    stateDirectory: path.join(directory, 'state'),
    controlPath: (state, edge) => path.join(state, `${edge === 'edge' ? '' : 'edge-'}${edge}.sock`),
  })
  const log = makeLog({ name: 'edge' })
  const edge = await startEdge(settings, { log, demo: { issuer: provider.issuer } })
  const close = async () => {
    await edge.close()
    await provider.close()
  }
  onShutdown(close)
  void edge.drained.then(close).then(() => process.exit())
  const { url, caPem, deployment, controlPath, healthUrl = '' } = edge
  const ready: EdgeReady = {
    ...{ url, caPem, deployment, controlPath, healthUrl },
    provider: { url: provider.url, secretFile },
  }
  process.send?.(ready)
}
