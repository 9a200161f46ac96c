import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeOnce, sentenceOf } from '../../client/refusal.ts'
import { parseHostname } from '../../names/hostname.ts'
import { RESET_CODES, type ResetCode } from '../../tunnel/codes.ts'

const BOB = { email: 'bob@example.com', subject: 'b' }
const WIKI = { name: parseHostname('wiki.corp.internal'), port: 80 }

test('a denial names the person, the place and the reason', () => {
  const denied = { code: 'policy-denied', reason: 'no rule allows it' } as const
  assert.equal(
    sentenceOf(denied, WIKI, BOB),
    'bob@example.com may not reach wiki.corp.internal:80: no rule allows it',
  )
  assert.match(sentenceOf(denied, WIKI, { subject: 'robot' }), /^robot may not/)
})

test('every code has a sentence of its own even without a reason', () => {
  for (const code of Object.keys(RESET_CODES) as ResetCode[]) {
    assert.match(sentenceOf({ code, reason: '' }, WIKI, BOB), /wiki\.corp\.internal:80: .+/, code)
  }
})

test('a reason from elsewhere stays on its line and off the terminal’s controls', () => {
  const reason = 'a\r\nb\u001b[31m\u0007c\u202ed\u0000'
  const sentence = sentenceOf({ code: 'policy-denied', reason }, WIKI, BOB)
  assert.match(sentence, /: a b \[31m c d $/)
  assert.ok(sentenceOf({ code: 'unmet', reason: 'x'.repeat(9000) }, WIKI, BOB).length <= 500)
})

test('a sentence is said once for a name, port and code, and again after a while', () => {
  let now = 0
  const said: string[] = []
  const once = makeOnce((sentence) => said.push(sentence), { clock: () => now, againMs: 1000 })
  const denied = { code: 'policy-denied', reason: '' } as const
  once(denied, WIKI, BOB)
  once(denied, WIKI, BOB)
  once({ ...denied, code: 'connector-down' }, WIKI, BOB)
  once(denied, { ...WIKI, port: 81 }, BOB)
  assert.equal(said.length, 3)
  now = 1000
  once(denied, WIKI, BOB)
  assert.equal(said.length, 4)
})
