import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { ROOT, readText } from './files.ts'

const page = readText('docs/threats.md')

test('docs/threats.md names every file of test/attack', () => {
  const files = readdirSync(path.join(ROOT, 'test/attack')).filter((file) =>
    file.endsWith('.test.ts'),
  )
  assert.ok(files.length > 20, 'the folder was read')
  for (const file of files) assert.ok(page.includes(`\`test/attack/${file}\``), file)
})

test('a threat without a test says that it is not defended, or that there is nothing to attack yet', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| **'))
  assert.ok(rows.length > 14, 'the table was read')
  for (const row of rows) {
    assert.match(
      row,
      /`test\/[\w./-]+`|\*\*not defended\*\*.*issue \d|there are none yet.*issue \d/,
    )
  }
})
