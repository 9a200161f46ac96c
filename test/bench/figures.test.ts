import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chartOf } from '../../bench/chart.ts'
import { mediansOf, type Spreads, spreadOf, spreadsOf } from '../../bench/figures.ts'
import { STEPS } from '../../bench/measure.ts'
import { planOf, secondsOf } from '../../bench/plan.ts'
import { replaceBetween } from '../../bench/results.ts'
import { formatMarkdown, formatText, show, tableOf } from '../../bench/table.ts'

const ways = new Map<string, Spreads>([
  ['byname', spreadsOf([2.4e9, 2.2e9, 2.6e9].map((bulk_up_bps) => ({ bulk_up_bps })))],
  ['direct', spreadsOf([{ bulk_up_bps: 2.4e10 }])],
  ['ssh-chain', spreadsOf([{ bulk_up_bps: 3e9, rps_c1: 2000 }])],
  ['node-chain', spreadsOf([{ bulk_up_bps: 2e9 }])],
])

describe('figures', () => {
  test('of several repeats the middle one, and between what they lie', () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 })
    assert.deepEqual(spreadOf([7]), { median: 7, min: 7, max: 7 })
  })

  test('what a way was not measured for is not there', () => {
    assert.deepEqual(mediansOf(spreadsOf([{ rps_c1: 10 }, { rps_c64: 20 }])), {
      rps_c64: 20,
      rps_c1: 10,
    })
  })

  test('numbers stand in the unit of their label', () => {
    assert.equal(show('bulk_up_bps', 2.345e9), '2.35')
    assert.equal(show('rps_c64', 1234567.8), '1,234,568')
    assert.equal(show('idle_flow_bytes_edge', 7168), '7.0')
  })
})

describe('the table', () => {
  test('has the spread of each figure and ours as a part of each baseline', () => {
    assert.deepEqual(tableOf(ways), [
      ['', 'byname', '× ssh', '× node', 'direct', 'ssh-chain', 'node-chain'],
      ['one flow up, Gbit/s', '2.40 (2.20–2.60)', '0.80', '1.20', '24.00', '3.00', '2.00'],
      ['requests/s, one connection', '', '', '', '', '2,000', ''],
    ])
  })

  test('is aligned for a terminal, and Markdown for a page', () => {
    const [head = '', first = ''] = formatText(tableOf(ways)).split('\n')
    assert.equal(head.indexOf('direct'), first.indexOf('24.00'))
    assert.match(
      formatMarkdown([
        ['', 'a'],
        ['b', '1'],
      ]),
      /^\| {2}\| a \|\n\| --- \| --: \|\n\| b \| 1 \|$/,
    )
  })

  test('has its place in a page, and nothing else of the page changes', () => {
    const page = 'a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nb'
    const changed = page.replace('old', 'new')
    assert.equal(replaceBetween(page, 'new'), changed)
    assert.equal(replaceBetween(changed, 'new'), changed)
    assert.throws(() => replaceBetween('no place', 'new'), /has no/)
  })
})

describe('the chart', () => {
  test('is one SVG with a bar a way, none for no tunnel at all', () => {
    const svg = chartOf(ways, 'a < b')
    assert.match(svg, /^<svg [^>]*viewBox="0 0 \d+ \d+"/)
    assert.match(svg, /a &lt; b/)
    assert.equal(svg.match(/<rect class="bar/g)?.length, 3)
    assert.match(svg, /no tunnel at all: 24\.00/)
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
  })

  test('the longest bar stays inside its panel', () => {
    const widths = [...chartOf(ways, '').matchAll(/class="bar[^>]*width="([\d.]+)"/g)].map((it) =>
      Number(it[1]),
    )
    assert.ok(Math.max(...widths) < 300, String(widths))
    // ssh 3, node 2.
    assert.ok(Math.abs((widths[1] ?? 0) / (widths[2] ?? 1) - 1.5) < 0.01, String(widths))
  })
})

describe('what is measured', () => {
  test('--quick is one 2 s repeat a figure and stays under a minute', () => {
    const plan = planOf({ quick: true })
    assert.deepEqual([plan.repeats, plan.seconds], [1, 2])
    const each = plan.steps.flatMap((step) =>
      plan.ways.map((way) => secondsOf(plan, STEPS[step], way, true)),
    )
    const beside = 2
    const sum = each.reduce((a, b) => a + b, 0) + beside
    assert.ok(sum <= 46, `${sum} s without starting and warming up`)
  })

  test('ways and steps can be chosen; an unknown one is refused with those that there are', () => {
    const plan = planOf({ quick: false, ways: 'ssh-chain,byname', steps: 'many', repeats: '2' })
    assert.deepEqual(plan.ways, ['byname', 'ssh-chain'])
    assert.deepEqual([plan.steps, plan.repeats], [['many'], 2])
    assert.throws(() => planOf({ quick: true, ways: 'frp' }), /no frp here: byname, direct/)
  })
})
