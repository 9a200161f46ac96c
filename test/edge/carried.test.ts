import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Grant } from '../../edge/gate.ts'
import { Carried } from '../../edge/route/carried.ts'
import { parseHostname } from '../../names/hostname.ts'
import type { RelayFlow, RelayFlowEnd, RelayTunnel } from '../../tunnel/relay.ts'
import { makeClock } from './clock.ts'
import { openGate, who } from './open-gate.ts'

/** One attachment of a flow that was led to a connector, and all that its books were told. */
function carried(kind: RelayFlow['kind']) {
  const clock = makeClock()
  const gate = openGate(clock)
  const told: string[] = []
  const note = (what: string) => () => void told.push(what)
  const flow = {
    ...{ kind, flowId: 'f1', attempt: 2, instance: kind === 'resume' ? 'hq.1' : undefined },
    ...{ bytesUp: 100, bytesDown: 200, detach: note('detach'), reset: note('reset') },
  } as unknown as RelayFlow
  const bytes: [number, number][] = []
  const it = new Carried(
    flow,
    gate.admit({
      ...{ who, session: 's', name: parseHostname('wiki.corp.internal'), port: 80, now: 0 },
      ...{ protocol: 'tcp', onRamp: 'run', device: { thumbprint: 't', selfReported: {} } },
    }) as Grant,
    { connector: { id: 'hq', name: 'hq', grants: [] }, tunnel: {} as RelayTunnel, gateMicros: 1 },
    {
      gate,
      flows: {
        led: (record) => void told.push(record.kind),
        detached: (_, record) => void told.push(`${record.kind} ${record.attempt}`),
        ended: (_, record) => void told.push(`${record.kind} ${record.code}`),
        refused: (record) => void told.push(`refused ${record.code}`),
      },
      counts: {
        ...{ opened: () => undefined, resumed: () => undefined, refused: () => undefined },
        detached: ({ bytesUp, bytesDown }) => void bytes.push([bytesUp, bytesDown]),
        ended: ({ bytesUp, bytesDown }) => void bytes.push([bytesUp, bytesDown]),
      },
      ...{ clock, edge: 'a', keyAgreements: () => ({}), cutsTold: new WeakMap() },
    },
  )
  return { it, gate, told, bytes }
}

const OPENED = {
  instance: 'hq.1',
  gateMicros: 1,
  relayMicros: 2,
  resolveMicros: 3,
  connectMicros: 4,
}
const RESUMED = { attempt: 2, gateMicros: 1, relayMicros: 2 }
const end = (code: RelayFlowEnd['code'], by: RelayFlowEnd['by'] = 'connector'): RelayFlowEnd => ({
  ...{ code, reason: '', by, bytesUp: 150, bytesDown: 260 },
})

/** As `Route` does: the grant that made it lets it in. */
function enter({ it, gate }: ReturnType<typeof carried>): void {
  const grant = gate.admit(it.request) as Grant
  it.enter(grant)
}

test('an OPEN without an answer is reset when it is sent again, for nobody has it yet', () => {
  const house = carried('open')
  enter(house)
  house.it.letGo()
  assert.deepEqual(house.told, ['open', 'reset'])
})

test('what a connector has, or may have, is detached when it comes back: a reset would end it', () => {
  const open = carried('open')
  enter(open)
  open.it.opened(OPENED)
  open.it.letGo()
  const asked = carried('resume')
  enter(asked)
  asked.it.letGo()
  assert.deepEqual([open.told, asked.told], [['open', 'detach'], ['detach']])
})

test('a RESUME is written down when its connector took it, and counts what went over this edge', () => {
  const house = carried('resume')
  enter(house)
  assert.deepEqual(house.told, [])
  house.it.resumed(RESUMED)
  house.it.detached(end('tunnel-lost'))
  assert.deepEqual(house.told, ['resume', 'detached 2'])
  assert.deepEqual(house.bytes, [[50, 60]])
  assert.equal(house.gate.liveCount, 0)
})

const NOT_TAKEN: [RelayFlowEnd['code'], string[]][] = [
  ['resume-mismatch', ['refused resume-mismatch']],
  ['done', ['end done']],
  ['origin-reset', ['end origin-reset']],
  ['tunnel-lost', []],
  ['shutting-down', []],
]
for (const [code, written] of NOT_TAKEN) {
  test(`of a RESUME that its connector answers ${code}, ${written[0] ?? 'nothing'} is written`, () => {
    const house = carried('resume')
    enter(house)
    house.it.closed(end(code))
    assert.deepEqual(house.told, written)
    assert.equal(house.gate.liveCount, 0)
  })
}

test('a RESUME whose tunnel goes before the answer leaves no trace but that it is away', () => {
  const house = carried('resume')
  enter(house)
  house.it.detached(end('tunnel-lost'))
  assert.deepEqual(house.told, [])
  assert.equal(house.gate.liveCount, 0)
})
