import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { check } from '../../policy/check.ts'
import { parsePolicy } from '../../policy/parse.ts'
import { ConfigError, formatProblem, type Problem, readYaml } from '../../process/yaml.ts'
import { SAMPLE } from '../policy/sample.ts'

/** Reads hostile text; anything but a document or a ConfigError with sound problems is a failure. */
function problemsOf(text: string): readonly Problem[] {
  try {
    parsePolicy(text, 'policy.yaml')
    return []
  } catch (error) {
    assert.ok(
      error instanceof ConfigError,
      `${String(error)} from ${JSON.stringify(text.slice(0, 200))}`,
    )
    assert.ok(error.problems.length > 0 && error.problems.length <= 100)
    for (const problem of error.problems) assertSound(problem, text)
    return error.problems
  }
}

function assertSound(problem: Problem, text: string): void {
  assert.match(problem.code, /^ERR_[A-Z0-9_]+$/)
  assert.ok(problem.line >= 1 && problem.line <= text.split(/\r\n|\n|\r/).length + 1)
  assert.ok(problem.column >= 1 && problem.message.length < 2000)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  assert.doesNotMatch(problem.message, /[\u0000-\u001f\u007f]/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  assert.doesNotMatch(formatProblem(problem, text), /[\u0000-\u0009\u000b-\u001f\u007f]/)
}

const codesOf = (text: string) => [...new Set(problemsOf(text).map(({ code }) => code))]

describe('a policy file of hostile bytes', () => {
  it('cut after any character is a document or a coded error', () => {
    for (let end = 0; end <= SAMPLE.length; end++) problemsOf(SAMPLE.slice(0, end))
  })

  it('with any character missing, doubled or replaced is a document or a coded error', () => {
    const marks = [...'*&!%@`#:-?[]{}|>"\'\\\t\r\n ,\u0000\u2028\ufeff\ud800é']
    const mutation = fc.record({
      at: fc.nat(SAMPLE.length - 1),
      skip: fc.nat(3),
      put: fc.oneof(fc.constantFrom(...marks), fc.string({ maxLength: 6, unit: 'binary' })),
    })
    const property = fc.property(
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      (mutations) => {
        const text = mutations.reduce(
          (before, { at, skip, put }) => before.slice(0, at) + put + before.slice(at + skip),
          SAMPLE,
        )
        problemsOf(text)
      },
    )
    fc.assert(property, { numRuns: 700 })
  })

  it('at random is a document or a coded error', () => {
    const fromBytes = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.from(bytes).toString('utf8'))
    const yamlish = fc
      .array(
        fc.constantFrom(...'abc:-?*&!|>%@`"\'#{}[],\n \t', '\n  ', ': ', '- ', 'who', 'allow:\n'),
        { maxLength: 60 },
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fromBytes, yamlish), (text) => void problemsOf(text)),
      { numRuns: 3000 },
    )
  })

  it('of well-formed YAML of the wrong shape is a coded error', () => {
    const leaf = fc.oneof(
      fc.constantFrom('null', 'true', '1', '-1', '.inf', '1e99', '"x"', 'x', '[]', '{}', '~'),
    )
    const shape = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('node'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
        fc
          .array(
            fc.tuple(
              fc.constantFrom(
                'version',
                'groups',
                'names',
                'apps',
                'allow',
                'block',
                'tests',
                'who',
                'to',
                'ports',
                'any',
                'none',
                'as',
                'email',
                'claims',
                'expect',
                '__proto__',
                'constructor',
              ),
              tie('node'),
            ),
            { maxLength: 4 },
          )
          .map((entries) => `{${entries.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
      ),
    })).node
    fc.assert(
      fc.property(shape, (text) => void problemsOf(String(text))),
      { numRuns: 2000 },
    )
  })
})

describe('a policy file that is a bomb', () => {
  it('of aliases is refused before it grows', () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `l${i}: &l${i} [${`*l${i - 1}, `.repeat(10)}x]`,
    )
    assert.ok(codesOf(levels.join('\n')).includes('ERR_YAML_ANCHOR'))
  })

  const DEEP = [
    ['flow lists', '['],
    ['flow maps', '{a: '],
    ['block lists', '- '],
    ['explicit keys', '? '],
  ] as const
  for (const [what, part] of DEEP) {
    it(`of nested ${what} is refused, not a stack overflow`, () => {
      assert.ok(codesOf(part.repeat(20_000)).includes('ERR_YAML_TOO_DEEP'))
    })
  }

  it('of nested block maps is refused', () => {
    const text = Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')
    assert.deepEqual(codesOf(text), ['ERR_YAML_TOO_DEEP'])
  })

  it('of 50 MB is refused unread', () => {
    assert.deepEqual(codesOf('#'.repeat(50_000_000)), ['ERR_YAML_TOO_LARGE'])
  })

  it('of a hundred thousand duplicate keys is refused in linear time, with a bounded list', () => {
    const text = `version: 1\ngroups:\n${'  a: []\n'.repeat(100_000)}`
    assert.deepEqual(codesOf(text), ['ERR_YAML_DUPLICATE_KEY'])
  })

  it('of a chain of twenty thousand groups is read, and closed into a circle refused', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => `  g${i}: group:g${i + 1}\n`).join('')
    const head = `version: 1\ngroups:\n${chain}`
    assert.deepEqual(codesOf(`${head}  g20000: a@example.com\n`), [])
    assert.deepEqual(codesOf(`${head}  g20000: group:g0\n`), ['ERR_POLICY_CIRCLE'])
  })

  it('of groups that hold two others each, thirty levels high, decides at once', () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) =>
        `  g${i}: [group:g${i + 1}, group:h${i + 1}]\n  h${i}: [group:g${i + 1}, group:h${i + 1}]\n`,
    )
    const text = `version: 1
groups:
${levels.join('')}  g30: claim:okta/groups=a
  h30: claim:okta/groups=b
allow: { r: { who: group:g0, to: a.corp.internal, ports: 1 } }
tests:
  - { as: { email: x@example.com, claims: { groups: [b] } }, to: a.corp.internal:1, expect: allow }
  - { as: { email: x@example.com, unknown: groups }, to: a.corp.internal:1, expect: deny unmet claim:okta/groups }
`
    assert.equal(check(text, 'policy.yaml').kind, 'accepted')
  })
})

describe('names and keys that carry more than a name', () => {
  const HOSTILE = [
    '"a\\nb"',
    '"a\\u001b[2Jb"',
    '"a\\u0000b"',
    '"../../etc"',
    '"a b"',
    "'a\"b'",
    '"\\u202egpj"',
    '""',
    `"${'a'.repeat(101)}"`,
  ]
  for (const name of HOSTILE) {
    it(`are refused: ${name.slice(0, 20)}`, () => {
      assert.ok(problemsOf(`version: 1\nblock: {${name}: {who: anyone, to: anything}}`).length > 0)
      assert.ok(problemsOf(`version: 1\ngroups: {${name}: []}`).length > 0)
      assert.ok(problemsOf(`version: 1\nnames: {${name}: []}`).length > 0)
    })
  }

  it('like __proto__ are keys as any other', () => {
    assert.ok(problemsOf('version: 1\n__proto__: {allow: {}}').length > 0)
    assert.ok(
      problemsOf('version: 1\nblock: {constructor: {who: anyone, to: anything}}').length === 0,
    )
    const { root } = readYaml('__proto__: 1', 'f')
    assert.equal(root?.kind === 'map' && root.entries[0]?.key, '__proto__')
  })

  const NAMES = [
    '10.0.0.1',
    '0x7f.1',
    '2130706433',
    'a%2eb.internal',
    '"a b.internal"',
    'a..internal',
    '"a.internal\\u0000"',
    '-a.internal',
    `${'a'.repeat(64)}.internal`,
    '"[::1]"',
    '"*.*.internal"',
    '"*"',
    'domain:',
    '"*."',
    'xn--a.internal',
  ]
  for (const name of NAMES) {
    it(`are no hostname to allow: ${name.slice(0, 20)}`, () => {
      const text = `version: 1\nallow: {r: {who: anyone, to: ${name}, ports: 1}}`
      assert.ok(problemsOf(text).length > 0)
    })
  }

  it('are the same host in any spelling of capitals and trailing dots', () => {
    const text = `version: 1
allow: { r: { who: anyone, to: WIKI.Corp.Internal., ports: 1 } }
tests: [{ as: { service: ci }, to: "wiki.corp.INTERNAL.:1", expect: allow }]
`
    assert.equal(check(text, 'policy.yaml').kind, 'accepted')
  })
})
