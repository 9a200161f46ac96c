import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownEdges } from '../../tunnel/edges.ts'

const MINUTE_MS = 60_000

test('what several edges list is united, in one spelling, the first one always among it', () => {
  const edges = new KnownEdges('https://a.example:443')
  edges.listed(['wss://b.example/tunnel', 'http://no.example', 'nonsense'], 0)
  edges.listed(['https://c.example:8443/'], 1)
  assert.deepEqual(edges.all, ['https://a.example', 'https://c.example:8443', 'https://b.example'])
})

test('an edge that is not listed any more is kept for some minutes', () => {
  const edges = new KnownEdges('https://a')
  edges.listed(['https://a', 'https://b'], 0)
  edges.listed(['https://a'], 5 * MINUTE_MS)
  assert.deepEqual(edges.all, ['https://a', 'https://b'])
  edges.listed(['https://a'], 11 * MINUTE_MS)
  assert.deepEqual(edges.all, ['https://a'])
})

test('there are eight at most, those that were listed last', () => {
  const edges = new KnownEdges('https://a')
  for (let at = 0; at < 20; at++) edges.listed([`https://e${at}`], at)
  assert.equal(edges.all.length, 8)
  assert.deepEqual(edges.all.slice(0, 2), ['https://a', 'https://e19'])
})
