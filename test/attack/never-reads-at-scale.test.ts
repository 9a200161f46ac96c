/** A peer that grants credit without end on many flows of many tunnels, and reads nothing, at a real edge. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TYPE } from '../../tunnel/frames/frame.ts'
import { pingFrame } from '../../tunnel/frames/write.ts'
import { app } from '../edge/house/house.ts'
import { credit, open, times } from './stage/frames.ts'
import { Stage } from './stage/stage.ts'
import { messagesOf } from './stage/ws.ts'

const NAME = 'endless.corp.internal'
const TUNNELS = 8
const FLOWS = 50
const CHUNK = Buffer.alloc(65_536)
/** Eight tunnels with what may wait for each (SPEC.md §5.4), and what the process itself needs. */
const MOST_MIB = TUNNELS * 12 + 192

test('eight deaf tunnels of fifty downloads each cost what may wait for them, and slow nobody', async (t) => {
  const stage = await Stage.set(t)
  let opened = 0
  const lab = await stage.lab.dial({
    incoming: (asked) => {
      opened += 1
      const flow = asked.accept(
        { instance: 'lab.1', resolveMicros: 1, connectMicros: 1 },
        {
          data: (chunk) => flow.consumed(chunk.length),
          ended: () => undefined,
          reset: () => undefined,
          drained: () => send(),
        },
      )
      const send = () => {
        while (flow.write(CHUNK));
      }
      send()
    },
  })
  t.after(() => lab.close())
  lab.announce(app(NAME))
  await stage.alice.knows(NAME)
  const firsts = times(TUNNELS, () =>
    messagesOf([
      ...times(FLOWS, (i) => open(i + 1, NAME)),
      ...times(FLOWS, (i) => credit(i + 1, 0, Number.MAX_SAFE_INTEGER)),
    ]),
  )
  const flood = messagesOf([pingFrame(TYPE.PING, 1)])
  const seen = await stage.attack(t, {
    ...{ firsts, flood, times: 1, isDeaf: true, tunnels: TUNNELS },
    isUnderWay: () => opened >= TUNNELS * FLOWS,
  })
  stage.assertUnharmed(seen, MOST_MIB)
  assert.deepEqual(seen.refused, [])
})
