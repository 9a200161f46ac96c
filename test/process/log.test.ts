import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Log, makeLog, parseLogLevel } from '../../process/log.ts'

const JWT = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl'
const JOIN = 'byn_join_edge.example~planted~0123456789abcdef'
const WORD = 'correct-horse-planted'
const PEM = '-----BEGIN PRIVATE KEY-----\nMC4CAQAplanted\n-----END PRIVATE KEY-----'

/** Each way a secret has into a log. The secret's distinctive part is `planted` or the JWT's payload. */
const WAYS: [string, (log: Log) => void][] = [
  ['a field named token', (log) => log.info({ token: WORD }, 'x')],
  ['a header in another spelling', (log) => log.info({ 'Proxy-Authorization': WORD }, 'x')],
  ['a cookie below', (log) => log.info({ request: { headers: { cookie: WORD } } }, 'x')],
  ['subjectToken in camel case', (log) => log.info({ body: { subjectToken: WORD } }, 'x')],
  ['subject_token in snake case', (log) => log.info({ body: { subject_token: WORD } }, 'x')],
  ['the private part of a JWK', (log) => log.info({ jwk: { kty: 'OKP', d: WORD } }, 'x')],
  ['a list of secrets', (log) => log.info({ secret: [WORD] }, 'x')],
  ['a map', (log) => log.info({ map: new Map([['password', WORD]]) }, 'x')],
  ['a JWT in the sentence', (log) => log.info({}, `got ${JWT}`)],
  ['a join token in the sentence', (log) => log.info({}, `got ${JOIN}`)],
  ['a JWT under a harmless name', (log) => log.info({ value: JWT }, 'x')],
  ['a JWT as a field name', (log) => log.info({ [JWT]: 1 }, 'x')],
  ['a private key in PEM', (log) => log.info({ text: PEM }, 'x')],
  ['an error message', (log) => log.error({ err: new Error(`bad token ${JWT}`) }, 'x')],
  ['a cause', (log) => log.error({ err: new Error('x', { cause: new Error(JOIN) }) }, 'x')],
  [
    'a fact of an error',
    (log) => log.error({ err: Object.assign(new Error('x'), { token: WORD }) }, 'x'),
  ],
  ['a child', (log) => log.child({ secret: WORD }).info({}, 'x')],
  ['a JWT after a line end', (log) => log.info({}, `a\n${JWT}`)],
  ['every level', (log) => log.error({ authorization: `Bearer ${WORD}` }, JWT)],
]

function lines(isTTY: boolean, write: (log: Log) => void): string {
  const written: string[] = []
  const log = makeLog({
    name: 'test',
    level: 'trace',
    stream: { isTTY, write: (line) => written.push(line) },
  })
  write(log)
  return written.join('')
}

const isLeaked = (text: string) =>
  text.includes('planted') || text.includes('eyJzdWIiOiJwbGFudGVkIn0')

test('the planted secrets would be found if nothing took them away', () => {
  const found = JSON.stringify([{ token: WORD }, { JWT }, { JOIN }, { PEM }])
  assert.equal(isLeaked(found), true)
  assert.equal(isLeaked(JSON.stringify({ JWT })), true)
  // And a harmless field of the same text passes through the very same pipe.
  assert.equal(isLeaked(lines(false, (log) => log.info({ note: WORD }, 'x'))), true)
  assert.equal(isLeaked(lines(true, (log) => log.info({ note: WORD }, 'x'))), true)
})

for (const [way, write] of WAYS) {
  test(`a secret does not leave by ${way}`, () => {
    for (const isTTY of [false, true]) {
      const text = lines(isTTY, write)
      assert.match(text, /x|redacted/, 'something was written')
      assert.match(text, /redacted/)
      assert.equal(isLeaked(text), false, text)
    }
  })
}

test('a pipe gets one JSON document a line', () => {
  const text = lines(false, (log) => log.info({ event: 'tunnel-open', edge: 'a' }, 'tunnel open'))
  const line = JSON.parse(text) as Record<string, unknown>
  assert.equal(line.level, 'info')
  assert.equal(line.event, 'tunnel-open')
  assert.equal(line.msg, 'tunnel open')
  assert.equal(line.process, 'test')
  assert.match(String(line.time), /^\d{4}-\d\d-\d\dT/)
})

test('a terminal gets a line for people', () => {
  const text = lines(true, (log) => log.warn({ event: 'x' }, 'the edge is away'))
  assert.match(text, /the edge is away/)
  assert.throws(() => JSON.parse(text))
})

for (const isTTY of [false, true]) {
  test(`control characters start no line and reach no terminal (${isTTY ? 'terminal' : 'pipe'})`, () => {
    const hostile = 'a\r\nb\u001b[2Jc\u009b31md\u2028e\u0085f\u0000g'
    const text = lines(isTTY, (log) => {
      log.info({ name: hostile, err: new Error(hostile), [hostile]: [hostile] }, hostile)
    })
    assert.equal(
      text.trimEnd().split(/[\n\r\u2028\u0085]/).length,
      isTTY ? text.trimEnd().split('\n').length : 1,
    )
    assert.equal(text.includes('\u001b[2J'), false)
    assert.equal(text.includes('\u009b'), false)
    assert.equal(/^b/m.test(text), false, 'the text after the line end begins no line')
  })
}

test('cycles, depth, breadth, bytes and long texts are bounded', () => {
  const cycle: Record<string, unknown> = { big: 1n, bytes: Buffer.from('planted') }
  cycle.self = cycle
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`k${at}`, at]))
  const text = lines(false, (log) => log.info({ cycle, many, long: 'y'.repeat(1e6) }, 'x'))
  assert.ok(text.length < 20_000, `${text.length}`)
  assert.equal(isLeaked(text), false)
  JSON.parse(text)
})

test('a level below the wanted one writes nothing', () => {
  const written: string[] = []
  makeLog({ name: 'x', stream: { write: (line) => written.push(line) } }).debug({}, 'x')
  assert.deepEqual(written, [])
})

test('a fact cannot pass itself off as what the line says of itself', () => {
  const text = lines(false, (log) => log.info({ level: 'error', msg: 'false', pid: 1 }, 'true'))
  const line = JSON.parse(text) as Record<string, unknown>
  assert.deepEqual(
    [line.level, line.level_, line.msg, line.msg_, line.pid_],
    ['info', 'error', 'true', 'false', 1],
  )
  assert.equal(text.split('"level":').length, 2)
})

test('a level is one of those there are', () => {
  assert.equal(parseLogLevel('debug'), 'debug')
  assert.equal(parseLogLevel(undefined), undefined)
  assert.equal(parseLogLevel(''), undefined)
  assert.throws(() => parseLogLevel('loud'), { code: 'ERR_LOG_LEVEL', exitCode: 2 })
})
