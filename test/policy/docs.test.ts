import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { check } from '../../policy/check.ts'
import { ANY_WORLD } from '../../policy/decision.ts'
import { explain, formatExplanation } from '../../policy/explain.ts'
import { readDestination } from '../../policy/read/tests.ts'
import { suppose } from '../../policy/suppose.ts'

const docs = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
const [, sample = ''] = /```yaml\n([\s\S]*?)```/.exec(docs) ?? []

it('the document that docs/policy.md begins with is accepted without a warning', () => {
  const found = check(sample, 'policy.yaml')
  assert.equal(found.kind, 'accepted')
  assert.deepEqual(found.warnings, [])
})

it('the explanation in docs/policy.md is what explain prints', () => {
  const [, shown = ''] = /\$ byname policy explain [^\n]*\n([\s\S]*?)\n```/.exec(docs) ?? []
  const found = check(sample, 'policy.yaml')
  assert.ok(found.kind === 'accepted')
  const { document } = found.policy
  const who = suppose(document, { who: 'fay@example.com', claims: [], others: 'unknown' })
  const to = readDestination('git.corp.internal:22')
  assert.ok(who.kind === 'supposed' && to)
  const request = { who: who.requester, ...to, now: 0 }
  const explanation = explain(found.policy, request, ANY_WORLD)
  assert.equal(formatExplanation(explanation, document.file), shown)
})
