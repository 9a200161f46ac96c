import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EdgeNews } from '../../edge/roster/news.ts'
import { edgesOf } from '../../tunnel/edges.ts'

test('ends that are here are told when an edge comes, and not when one only goes', () => {
  let urls = ['https://a']
  const told: (readonly string[] | undefined)[] = []
  const news = new EdgeNews({ urls: () => urls, tell: (notice) => told.push(edgesOf(notice)) })
  news.look()
  urls = ['https://a', 'https://b']
  news.look()
  news.look()
  urls = ['https://b', 'https://a']
  news.look()
  urls = ['https://a']
  news.look()
  assert.deepEqual(told, [['https://a', 'https://b']])
})

test('a notice of anything else lists no edges', () => {
  const notice = { kind: 'notice', level: 'info', text: '', facts: { edge0: 'https://x' } } as const
  assert.equal(edgesOf({ ...notice, code: 'other' }), undefined)
})
