import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { FIGURE_NAMES, type FigureName } from '../../bench/figures.ts'
import { type Results, replaceBetween, shownOf } from '../../bench/results.ts'

const read = (file: string) =>
  readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8')
const results: Results = JSON.parse(read('bench/results.json'))
const shown = shownOf(results)

/** What other tools read of every way. */
const OF_ALL: readonly FigureName[] = [
  'bulk_up_bps',
  'bulk_down_bps',
  'bulk32_down_bps',
  'rps_c64',
  'rps_c1',
  'conns_per_s',
  'cpu_s_per_gib',
]

describe('the run that the repository shows', () => {
  test('is one of an idle machine: npm run bench -- --write', () => {
    assert.ok(results.loadAtStart < 1, `load average ${results.loadAtStart}`)
  })

  test('is one of several repeats, with every way and every figure', () => {
    assert.ok(results.repeats >= 3)
    for (const way of ['byname', 'direct', 'ssh-chain', 'node-chain'])
      for (const figure of OF_ALL)
        assert.ok((results.ways[way]?.[figure]?.median ?? 0) > 0, `${way}: ${figure}`)
    const ours = FIGURE_NAMES.filter((figure) => figure !== 'p99_ms_under_bulk_shared')
    assert.deepEqual(
      ours.filter((figure) => !results.ways.byname?.[figure]),
      [],
    )
  })

  test('the chart and the table in docs are those of its JSON', () => {
    const page = read('docs/performance.md')
    assert.equal(read('docs/performance.svg'), shown.svg)
    assert.equal(page, replaceBetween(page, shown.table))
  })

  test('README and docs show the chart', () => {
    assert.match(read('README.md'), /\(docs\/performance\.svg\)/)
    assert.match(read('docs/performance.md'), /\(performance\.svg\)/)
  })
})
