import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { RESET_CODES } from '../../tunnel/codes.ts'
import { type FrameName, ruleOf, TYPE } from '../../tunnel/frames/frame.ts'
import { DEFAULT_LIMITS, DEFAULT_RATES, type Limits, MOST } from '../../tunnel/limits.ts'
import { bytesOf, vectors } from './vectors.ts'

/** SPEC.md says what the code does: its tables are compared with the code's. */
const spec = readFileSync(path.join(import.meta.dirname, '../../tunnel/SPEC.md'), 'utf8')
const rows = spec
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
const number = (text: string) => Number(text.replaceAll(/[,\s]/g, ''))

test('every frame of the table has the type, stream and bounds of the code', () => {
  const isFrame = ([, type = '', name = '']: string[]) =>
    /^[0-9a-f]{2}$/.test(type) && /^[A-Z_]+$/.test(name)
  const seen = new Set<string>()
  for (const [, type = '', name = '', stream = '', bytes = ''] of rows.filter(isFrame)) {
    assert.equal(TYPE[name as FrameName], Number.parseInt(type, 16), name)
    seen.add(name)
    if (!/^(0|≥ 1)$/.test(stream)) continue
    const rule = ruleOf(TYPE[name as FrameName])
    const [least, most = least] = bytes.split('–').map(number)
    assert.deepEqual([rule?.minBytes, rule?.maxBytes], [least, most], name)
    assert.equal(rule?.scope, stream === '0' ? 'tunnel' : 'flow', name)
  }
  assert.deepEqual([...seen].sort(), Object.keys(TYPE).sort())
})

test('the codes have the numbers of the code', () => {
  const cells = rows.flatMap(([, n1, code1, , n2, code2]) => [
    [n1, code1],
    [n2, code2],
  ])
  const listed = cells
    .filter(([n, code]) => /^\d+$/.test(n ?? '') && /^`[a-z-]+`$/.test(code ?? ''))
    .map(([n, code]) => [code?.slice(1, -1), Number(n)])
  assert.deepEqual(Object.fromEntries(listed), Object.fromEntries(Object.entries(RESET_CODES)))
})

test('the limits have the defaults and bounds of the code', () => {
  const bytes = (text: string) => {
    const [amount = '', unit = ''] = text.split(' ')
    return number(amount) * ({ MiB: 1 << 20, GiB: 2 ** 30 }[unit] ?? 1)
  }
  for (const key of Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]) {
    const row = rows.find(([, name]) => name === `\`${key}\``)
    assert.equal(bytes(row?.[2] ?? ''), DEFAULT_LIMITS[key], key)
    assert.equal(bytes(row?.[3] ?? ''), MOST[key], key)
  }
})

test('the rates are those of the code', () => {
  const { open, resume, reset, ping, control } = DEFAULT_RATES
  const say = ([perSecond, burst]: readonly [number, number]) =>
    `${perSecond.toLocaleString('en')}/s and ${burst.toLocaleString('en')}`
  for (const said of [
    `OPEN ${say(open)}`,
    `RESUME ${say(resume)}`,
    `RESET ${say(reset)}`,
    `PING ${say(ping)}`,
    say(control),
  ]) {
    assert.ok(spec.includes(said), said)
  }
})

test('every example is one of the vectors', () => {
  const examples = [
    ...spec.matchAll(/^ {4}([0-9a-f]{2} [0-9a-f]{6} [0-9a-f]{8}.*(?:\n {4}[0-9a-f]{8}.*)*)/gm),
  ]
  const known = new Set(vectors.map((vector) => Buffer.from(bytesOf(vector)).toString('hex')))
  assert.ok(examples.length >= 7)
  for (const [, text = ''] of examples) {
    const hex = text.replaceAll(/ {4,}(?![0-9a-f]{8}).*$/gm, '').replaceAll(/\s/g, '')
    assert.ok(known.has(hex), hex)
  }
})
