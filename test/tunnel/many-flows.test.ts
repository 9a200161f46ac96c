import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Flow } from '../../tunnel/flow.ts'
import { pattern, Seen } from './doubles.ts'
import { ACCEPT } from './house.ts'
import { openRealWay } from './way.ts'

test('2,000 flows at once over real tunnels: all complete, bytes equal, nothing is left', async (t) => {
  const way = await openRealWay((open) => {
    const seen = new Seen()
    const flow: Flow = open.accept(ACCEPT, seen)
    seen.onData = (chunk) => {
      flow.write(Buffer.from(chunk))
      flow.consumed(chunk.length)
    }
    seen.onEnded = () => flow.end()
  })
  t.after(() => way.close())
  const flows = Array.from({ length: 2000 }, (_, i) => echo(way, i))
  assert.equal(way.client.flowCount, 2000)
  await Promise.all(flows)
  assert.equal(way.client.flowCount, 0)
  // The last acknowledgements are still on their way to the connector.
  for (let i = 0; i < 100 && way.connector.flowCount > 0; i++) await sleep(10)
  assert.equal(way.connector.flowCount, 0)
  for (const tunnel of way.tunnels) assert.equal(tunnel.flowCount, 0)
})

/** Sends its own bytes and sees the same come back. */
function echo(way: Awaited<ReturnType<typeof openRealWay>>, i: number): Promise<void> {
  const bytes = pattern(4 * (1 + (i % 10) * 1000), i)
  return new Promise((resolve, reject) => {
    const seen = new Seen()
    const flow = way.open({
      data(chunk) {
        seen.data(chunk)
        flow.consumed(chunk.length)
      },
      ended: () => {},
      reset: ({ code, reason }) => reject(new Error(`${code}: ${reason}`)),
      drained: () => {},
      done: () => (seen.bytes.equals(bytes) ? resolve() : reject(new Error(`flow ${i} differs`))),
    })
    flow.write(bytes)
    flow.end()
  })
}
