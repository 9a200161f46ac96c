import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESET_CODES } from '../../tunnel/codes.ts'
import { readText, sourceFiles } from './files.ts'

/** Node's own codes that the sources look for. */
const NOT_OURS = new Set([
  'ERR_INVALID_HANDLE_TYPE',
  'ERR_SQLITE_ERROR',
  'ERR_STREAM_PREMATURE_CLOSE',
])
const CODE = /'((?:ERR|WARN)_[A-Z0-9_]+)'/g

const page = readText('docs/errors.md')
const inSources = new Map<string, string>()
for (const file of sourceFiles()) {
  for (const [, code = ''] of readText(file).matchAll(CODE)) {
    if (!NOT_OURS.has(code) && !inSources.has(code)) inSources.set(code, file)
  }
}
const rows = [...page.matchAll(/^\| `([^`]+)` \| (.+) \| (.+) \|$/gm)]
const described = rows.map(([, code = '']) => code)

test('every error code of the sources has a row in docs/errors.md', () => {
  assert.ok(inSources.size > 100, 'the sources were read')
  for (const [code, file] of inSources) assert.ok(described.includes(code), `${code} of ${file}`)
})

test('docs/errors.md names no error code that does not exist', () => {
  const named = new Set([...page.matchAll(/\b(?:ERR|WARN)_[A-Z0-9]+[A-Z0-9_]*/g)].map(String))
  for (const code of named) assert.ok(inSources.has(code), code)
})

test('every reset code has a row with its number, and no other has', () => {
  const numbered = [...page.matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm)]
  const found = Object.fromEntries(numbered.map(([, code, number]) => [code, Number(number)]))
  assert.deepEqual(found, RESET_CODES)
})

test('every code is explained once, by a sentence, with something to do', () => {
  assert.equal(new Set(described).size, described.length, 'no code twice')
  for (const [row, code, means = '', todo = ''] of rows) {
    assert.match(means, /\.$/, `${code}: a sentence`)
    assert.ok(todo.trim().length > 3, row)
  }
})
