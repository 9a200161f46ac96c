import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ConfigError,
  formatProblem,
  nearest,
  type Problem,
  readYaml,
  YamlWalk,
} from '../../process/yaml.ts'

const FILE = 'edge.yaml'

function problemsOf(read: () => unknown): readonly Problem[] {
  try {
    read()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const refusal = (text: string) => problemsOf(() => readYaml(text, FILE))[0]

function walked(text: string, walk: (walk: YamlWalk, root: ReturnType<typeof rootOf>) => void) {
  const document = readYaml(text, FILE)
  const walker = new YamlWalk(document)
  return problemsOf(() => {
    walk(walker, rootOf(document))
    walker.finish()
  })
}

function rootOf({ root }: ReturnType<typeof readYaml>) {
  assert.ok(root)
  return root
}

describe('a YAML file', () => {
  it('reads as positioned maps, lists and values', () => {
    const { root } = readYaml('name: hq\nports: [22, "443"]\nopen: yes\n', FILE)
    assert.deepEqual(root, {
      kind: 'map',
      at: { line: 1, column: 1 },
      entries: [
        {
          key: 'name',
          keyAt: { line: 1, column: 1 },
          value: { kind: 'scalar', at: { line: 1, column: 7 }, value: 'hq', source: 'hq' },
        },
        {
          key: 'ports',
          keyAt: { line: 2, column: 1 },
          value: {
            kind: 'list',
            at: { line: 2, column: 8 },
            items: [
              { kind: 'scalar', at: { line: 2, column: 9 }, value: 22, source: '22' },
              { kind: 'scalar', at: { line: 2, column: 13 }, value: '443', source: '443' },
            ],
          },
        },
        {
          key: 'open',
          keyAt: { line: 3, column: 1 },
          value: { kind: 'scalar', at: { line: 3, column: 7 }, value: 'yes', source: 'yes' },
        },
      ],
    })
  })

  it('has no root when it is empty or only comments', () => {
    for (const text of ['', '\n\n', '# nothing yet\n', '\ufeff']) {
      assert.equal(readYaml(text, FILE).root, undefined, JSON.stringify(text))
    }
  })

  it('counts lines the same with CRLF and after a byte order mark', () => {
    const { root } = readYaml('\ufeffa: 1\r\nb: 2\r\n', FILE)
    assert.ok(root?.kind === 'map')
    assert.deepEqual(root.entries[1]?.keyAt, { line: 2, column: 1 })
  })

  const REFUSED: [string, string, string, string | undefined][] = [
    ['who: *@example.com', '1:6', 'ERR_YAML_ALIAS', 'write "*@example.com"'],
    ['who: [a, *.corp.internal]', '1:10', 'ERR_YAML_ALIAS', 'write "*.corp.internal"'],
    ['a: &x 1\nb: *x', '1:7', 'ERR_YAML_ANCHOR', 'put the value in quotes, or write it out'],
    ['a: !secret 1', '1:12', 'ERR_YAML_TAG', 'put the value in quotes'],
    ['a: !!str 1', '1:10', 'ERR_YAML_TAG', 'put the value in quotes'],
    ['a: 1\nb: 2\na: 3', '3:1', 'ERR_YAML_DUPLICATE_KEY', 'rename one or join both'],
    ['a:\n\tb: 1', '2:1', 'ERR_YAML_TAB', 'indent with spaces'],
    ['a: 1\n---\nb: 2', '2:1', 'ERR_YAML_SEVERAL_DOCUMENTS', 'keep one document a file'],
    ['team: Team #1', '1:12', 'ERR_YAML_HIDDEN_COMMENT', undefined],
    ['team: #1', '1:7', 'ERR_YAML_HIDDEN_COMMENT', undefined],
    ['a: b: c', '1:4', 'ERR_YAML_SYNTAX', 'put the value in quotes, or begin a new line'],
    ['who: @ops', '1:6', 'ERR_YAML_SYNTAX', 'put the value in quotes'],
    ['%YAML 1.1\n---\na: yes', '1:1', 'ERR_YAML_DIRECTIVE', undefined],
    ['%TAG ! tag:example.com,2000:\n---\na: b', '1:1', 'ERR_YAML_DIRECTIVE', undefined],
    ['%FOO\n---\na: b', '1:1', 'ERR_YAML_DIRECTIVE', undefined],
    ['a: "b', '1:6', 'ERR_YAML_SYNTAX', undefined],
    ['? [a, b]\n: c', '1:3', 'ERR_YAML_KEY', undefined],
    ['a: "\\e[31m"', '1:4', 'ERR_YAML_CONTROL_CHARACTER', undefined],
    ['a: \u0000', '1:4', 'ERR_YAML_CONTROL_CHARACTER', undefined],
    ['a: b\nc: \ufffd', '2:4', 'ERR_YAML_NOT_UTF8', undefined],
  ]
  for (const [text, place, code, fix] of REFUSED) {
    it(`is refused with its place: ${JSON.stringify(text)}`, () => {
      const problem = refusal(text)
      assert.equal(problem?.code, code)
      assert.equal(`${problem?.line}:${problem?.column}`, place)
      if (fix !== undefined) assert.equal(problem?.fix, fix)
    })
  }

  it('keeps a comment that is meant as one', () => {
    const text = 'a: b # a word\nc: # what follows\n  - d #\n  - "#1"\n'
    assert.ok(readYaml(text, FILE).root)
  })

  it('is refused when it is larger than its bound, counted in bytes', () => {
    assert.equal(refusal('é'.repeat(600_000))?.code, 'ERR_YAML_TOO_LARGE')
    assert.equal(problemsOf(() => readYaml('a: 123', FILE, { maxBytes: 5 })).length, 1)
    assert.equal(problemsOf(() => readYaml('a: 123', FILE, { maxBytes: 6 })).length, 0)
  })

  it('reports several problems at once', () => {
    const problems = problemsOf(() => readYaml('a: *b\nc: !d e\nf: 1\nf: 2', FILE))
    assert.deepEqual(
      problems.map(({ line, code }) => `${line} ${code}`),
      ['1 ERR_YAML_ALIAS', '2 ERR_YAML_TAG', '4 ERR_YAML_DUPLICATE_KEY'],
    )
  })
})

describe('walking a document', () => {
  const shape = {
    what: 'the settings of the edge',
    keys: ['listen', 'state', 'ports'],
    required: ['listen'],
    later: { peers: '"peers" is not yet supported' },
  } as const

  it('names the nearest key for one that is unknown', () => {
    const [problem] = walked('listen: a\nprots: 1', (walk, root) => walk.map(root, shape))
    assert.equal(problem?.message, '"prots" is not a key of the settings of the edge')
    assert.equal(problem?.fix, 'write "ports"')
    assert.deepEqual([problem?.line, problem?.column], [2, 1])
  })

  it('names a missing key, a key of a later version and all keys where none is near', () => {
    const problems = walked('peers: 1\nbanana: 2', (walk, root) => walk.map(root, shape))
    assert.deepEqual(
      problems.map(({ message, fix }) => [message, fix]),
      [
        ['"peers" is not yet supported', undefined],
        ['the settings of the edge needs listen', 'add "listen:"'],
        ['"banana" is not a key of the settings of the edge', 'the keys are: listen, state, ports'],
      ],
    )
  })

  it('does not take a key of Object.prototype for one of a later version', () => {
    const [problem] = walked('listen: a\nconstructor: 1', (walk, root) => walk.map(root, shape))
    assert.equal(problem?.code, 'ERR_CONFIG_UNKNOWN_KEY')
  })

  it('reads texts, numbers, booleans and words, and says what else was expected', () => {
    const text = 'a: 5\nb: 05\nc: yes\nd: inof\ne: {f: 1}\ng: # nothing\nh: |\n  two\n  lines\n'
    const problems = walked(text, (walk, root) => {
      assert.ok(root.kind === 'map')
      const [a, b, c, d, e, g, h] = root.entries.map(({ value }) => value)
      assert.ok(a && b && c && d && e && g && h)
      assert.equal(walk.integer(a, 'a', { min: 1, max: 9 }), 5)
      walk.text(a, 'a')
      walk.integer(b, 'b', { min: 1, max: 9 })
      walk.boolean(c, 'c')
      walk.oneOf(d, 'd', ['info', 'debug'])
      walk.text(e, 'e')
      walk.text(g, 'g')
      walk.text(h, 'h')
    })
    assert.deepEqual(
      problems.map(({ line, message }) => `${line} ${message}`),
      [
        '1 a must be a text of one line',
        '2 b must be a whole number from 1 to 9',
        '3 c must be true or false',
        '4 d must be one of info, debug',
        '5 e must be a single text, not a map',
        '6 g is missing: nothing is written here',
        '7 h must be a text of one line',
      ],
    )
    assert.equal(problems[3]?.fix, 'write "info"')
  })
})

describe('a problem for people', () => {
  const problem: Problem = {
    code: 'ERR_CONFIG_VALUE',
    file: FILE,
    line: 2,
    column: 4,
    message: 'this is wrong',
    fix: 'write it right',
  }

  it('shows the place, the line with a caret and the fix', () => {
    assert.equal(
      formatProblem(problem, 'a: 1\nb: wrong\n'),
      'edge.yaml:2:4: this is wrong\n  2 | b: wrong\n    |    ^\n  fix: write it right',
    )
  })

  it('shows the part of a long line that the caret points at', () => {
    const long = `b: ${'x'.repeat(1000)}`
    const [, shown = '', caret = ''] = formatProblem(
      { ...problem, column: 500 },
      `\n${long}`,
    ).split('\n')
    assert.ok(shown.length < 140 && caret.length <= shown.length)
  })

  it('is one line, though the parser quotes several', () => {
    assert.equal(refusal('> a\tb\n')?.message, 'not a YAML token: a b')
  })

  it('lets nothing through that a terminal would obey', () => {
    const shown = formatProblem({ ...problem, line: 1 }, 'a: \u001b[31mred')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f]/)
  })
})

describe('the nearest word', () => {
  const cases: [string, string | undefined][] = [
    ['prots', 'ports'],
    ['port', 'ports'],
    ['Ports', 'ports'],
    ['exept', 'except'],
    ['xyz', undefined],
    ['', undefined],
    ['w'.repeat(10_000), undefined],
  ]
  for (const [word, expected] of cases) {
    it(`to ${JSON.stringify(word.slice(0, 10))} is ${expected}`, () => {
      assert.equal(nearest(word, ['who', 'to', 'except', 'ports']), expected)
    })
  }
})
