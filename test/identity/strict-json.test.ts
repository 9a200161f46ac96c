import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseStrictJson } from '../../identity/strict-json.ts'

describe('strict JSON', () => {
  it('reads whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        assert.deepEqual(parseStrictJson(text), JSON.parse(text))
      }),
    )
  })

  for (const text of [
    '{"sub":"a","sub":"b"}',
    '{"sub":"a", "s\\u0075b" : "b"}',
    '{"a":{"b":1,"b":2}}',
    '[{"a":1},{"a":1,"a":1}]',
    '{"a":[],"a":{}}',
    '{"":1,"":2}',
    '{"\\"":1,"\\"":2}',
  ]) {
    it(`refuses ${text}`, () => {
      assert.throws(() => parseStrictJson(text), SyntaxError)
    })
  }

  for (const text of [
    '{"a":"a","b":"a"}',
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":"\\"b\\":1,\\"b\\":2"}',
    '{"a":"{","b":"}"}',
  ]) {
    it(`takes ${text}`, () => {
      assert.deepEqual(parseStrictJson(text), JSON.parse(text))
    })
  }
})
