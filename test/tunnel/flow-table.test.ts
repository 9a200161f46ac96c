import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndFlow } from '../../tunnel/endpoint/end-flow.ts'
import { type Carrier, FlowTable } from '../../tunnel/endpoint.ts'
import { ManualClock } from './doubles.ts'

const LIFE_MS = 60_000

function house() {
  const clock = new ManualClock()
  const table = new FlowTable({ clock, random: () => 0.5, lifeMs: LIFE_MS })
  const notes: string[] = []
  let isAsked = false
  table.onStranded = () => notes.push('stranded')
  const strand = () => {
    isAsked = false
    table.stranded(flow)
  }
  const flow = {
    id: '0'.repeat(32),
    leave() {
      if (!isAsked) return
      isAsked = false
      notes.push('left')
      table.detached(flow as unknown as EndFlow)
    },
    fail: ({ code }: { code: string }) => notes.push(code),
  } as unknown as EndFlow
  const carrier = (name: string): Carrier => ({
    canTakeBack: true,
    openFlows: [],
    resume() {
      isAsked = true
      return notes.push(`asked ${name}`) > 0
    },
  })
  const told = () => notes.splice(0)
  return { clock, table, flow, strand, a: carrier('a'), b: carrier('b'), told }
}

test('a flow whose edge holds the question is asked for at another after a second, then after five', () => {
  const { clock, table, flow, a, b, told } = house()
  const pass = (ms: number) => {
    clock.advance(ms)
    table.tick(clock.now())
  }
  table.detached(flow)
  table.resumeOn(a)
  assert.deepEqual(told(), ['asked a'])
  pass(999)
  table.resumeOn(b)
  assert.deepEqual(told(), [], 'it may just be far away')
  pass(1)
  table.resumeOn(a)
  assert.deepEqual(told(), ['stranded'], 'the same edge is not asked twice')
  table.resumeOn(b)
  assert.deepEqual(told(), ['left', 'asked b'], 'the first edge is told not to wait')
  pass(4_999)
  table.resumeOn(a)
  assert.deepEqual(told(), [])
  pass(1)
  table.resumeOn(a)
  assert.deepEqual(told(), ['stranded', 'left', 'asked a'])
})

test('its life goes on meanwhile, from when it lost its tunnel', () => {
  const { clock, table, flow, a, b, told } = house()
  table.detached(flow)
  for (const carrier of [a, b, a]) {
    table.resumeOn(carrier)
    clock.advance(LIFE_MS / 3)
  }
  told()
  table.tick(clock.now())
  assert.deepEqual(told(), ['detached-too-long'])
})

test('what an edge cannot take back is asked for again within two seconds, also there', () => {
  const { clock, table, flow, strand, a, told } = house()
  table.detached(flow)
  table.resumeOn(a)
  strand()
  table.resumeOn(a)
  assert.deepEqual(told(), ['asked a', 'stranded'])
  clock.advance(1_000)
  table.resumeOn(a)
  assert.deepEqual(told(), ['asked a'])
})
