import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseHostname } from '../../names/hostname.ts'
import {
  bySpecificity,
  covers,
  formatPattern,
  includes,
  type NamePattern,
  parsePattern,
} from '../../names/pattern.ts'
import { LabelTrie } from '../../names/trie.ts'

const COVERS: [pattern: string, name: string, covered: boolean][] = [
  ['git.corp.internal', 'git.corp.internal', true],
  ['git.corp.internal', 'a.git.corp.internal', false],
  ['*.corp.internal', 'git.corp.internal', true],
  ['*.corp.internal', 'corp.internal', false],
  ['*.corp.internal', 'a.git.corp.internal', false],
  ['*.corp.internal', 'xcorp.internal', false],
  ['domain:corp.internal', 'corp.internal', true],
  ['domain:corp.internal', 'a.b.corp.internal', true],
  ['domain:corp.internal', 'notcorp.internal', false],
]
for (const [pattern, name, covered] of COVERS) {
  test(`${pattern} ${covered ? 'covers' : 'does not cover'} ${name}`, () => {
    assert.equal(covers(parsePattern(pattern), parseHostname(name)), covered)
  })
}

const INCLUDES: [outer: string, inner: string, included: boolean][] = [
  ['domain:corp.internal', '*.corp.internal', true],
  ['domain:corp.internal', 'domain:db.corp.internal', true],
  ['domain:db.corp.internal', 'domain:corp.internal', false],
  ['*.corp.internal', 'git.corp.internal', true],
  ['*.corp.internal', '*.corp.internal', true],
  ['*.corp.internal', '*.git.corp.internal', false],
  ['*.corp.internal', 'domain:git.corp.internal', false],
  ['git.corp.internal', '*.git.corp.internal', false],
]
for (const [outer, inner, included] of INCLUDES) {
  test(`a grant of ${outer} ${included ? 'includes' : 'does not include'} ${inner}`, () => {
    assert.equal(includes(parsePattern(outer), parsePattern(inner)), included)
  })
}

const label = fc.constantFrom('a', 'b', 'c', 'ab')
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((all) => all.join('.'))
const pattern = fc
  .tuple(fc.constantFrom('', '*.', 'domain:'), name)
  .map(([kind, base]) => parsePattern(kind + base))

test('the trie finds what covers a name, the most specific first, as a scan would', () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 12 }), name, (patterns, text) => {
      const trie = new LabelTrie<NamePattern>()
      for (const one of patterns) trie.add(one, one)
      const host = parseHostname(text)
      const scanned = patterns.filter((one) => covers(one, host)).sort(bySpecificity)
      assert.deepEqual(trie.find(host).map(formatPattern), scanned.map(formatPattern))
    }),
    { numRuns: 2000 },
  )
})

test('the trie knows an empty non-terminal from an absent name', () => {
  const trie = new LabelTrie<number>()
  trie.add(parsePattern('a.b.corp.internal'), 1)
  assert.equal(trie.hasAtOrBelow(parseHostname('b.corp.internal')), true)
  assert.equal(trie.hasAtOrBelow(parseHostname('c.corp.internal')), false)
})
