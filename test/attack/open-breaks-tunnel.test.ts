import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LiveFlow } from '../../edge/gate/live.ts'
import type { FlowRequest } from '../../edge/gate/verdict.ts'
import type { Grant } from '../../edge/gate.ts'
import type { Books } from '../../edge/route/carried.ts'
import { Route } from '../../edge/route.ts'
import { parseHostname } from '../../names/hostname.ts'
import type { RelayFlow, RelayTunnel } from '../../tunnel/relay.ts'
import { makeClock } from '../edge/clock.ts'
import { openGate, who } from '../edge/open-gate.ts'

test('a flow whose OPEN is one too much for a tunnel that does not read is let in and out again', () => {
  const clock = makeClock()
  const gate = openGate(clock)
  const told: string[] = []
  const tunnel = {} as RelayTunnel
  const connector = { id: 'c', name: 'c', grants: [] }
  const nothing = () => undefined
  const books: Books = {
    gate,
    flows: {
      ...{ refused: nothing, detached: nothing },
      led: ({ kind }) => told.push(kind),
      ended: ({ kind }) => told.push(`${kind} ended`),
    },
    counts: {
      ...{ opened: nothing, ended: nothing },
      ...{ refused: nothing, resumed: nothing, detached: nothing },
    },
    ...{ clock, edge: 'edge', keyAgreements: () => ({}), cutsTold: new WeakMap() },
  }
  const picked = { kind: 'picked', tunnel, connector } as const
  const registry = { pick: () => picked, pickInstance: () => picked }
  const route = new Route({ registry, books })
  const request: FlowRequest = {
    ...{ who, session: 's', name: parseHostname('wiki.corp.internal'), port: 80, now: 0 },
    protocol: 'tcp',
    onRamp: 'run',
    device: { thumbprint: 't', selfReported: {} },
  }
  const flow = {
    ...{ kind: 'open', flowId: 'f1', attempt: 1 },
    handlers: undefined,
    // The outbox is full with it: the tunnel is lost, and this flow with it, before connect returns.
    connect() {
      const end = { code: 'over-budget', reason: 'the other end does not read', by: 'connector' }
      ;(this as unknown as RelayFlow).handlers?.closed({
        ...end,
        bytesUp: 0,
        bytesDown: 0,
      } as never)
    },
  } as unknown as RelayFlow
  assert.equal(route.open(flow, gate.admit(request) as Grant, 1), undefined)
  assert.deepEqual(told, ['open', 'open ended'])
  const live: LiveFlow | undefined = gate.findLive('f1')
  assert.equal(live, undefined)
  assert.equal(gate.liveCount, 0)
})
