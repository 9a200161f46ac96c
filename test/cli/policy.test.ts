import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { Command } from 'commander'
import type { Failure, Output } from '../../cli/output.ts'
import { register } from '../../cli/verbs/policy.ts'
import { SAMPLE } from '../policy/sample.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'byname-policy-'))
after(() => rmSync(folder, { recursive: true }))

interface Ran {
  readonly code: number | undefined
  readonly lines: string[]
  readonly documents: Record<string, unknown>[]
  readonly failures: Failure[]
}

async function byname(...args: string[]): Promise<Ran> {
  const ran: Ran & { code: number | undefined } = {
    code: undefined,
    lines: [],
    documents: [],
    failures: [],
  }
  const out: Output = {
    isTerminal: false,
    write: () => assert.fail('no raw text is wanted'),
    line: (text) => void ran.lines.push(...text.split('\n')),
    json: (value) => void ran.documents.push(value as Record<string, unknown>),
    table: () => assert.fail('no table is wanted'),
    say: (text) => void ran.lines.push(...text.split('\n')),
    fail: (failure) => void ran.failures.push(failure),
  }
  const program = new Command('byname').exitOverride()
  register(program, out)
  const before = process.exitCode
  try {
    await program.parseAsync(['policy', ...args], { from: 'user' })
    return { ...ran, code: Number(process.exitCode ?? 0) }
  } finally {
    process.exitCode = before
  }
}

function fileOf(text: string): string {
  const file = path.join(folder, `${Math.random()}.yaml`)
  writeFileSync(file, text)
  return file
}

const sample = fileOf(SAMPLE)

describe('byname policy check', () => {
  it('accepts a good file and counts what is in it', async () => {
    const { code, lines } = await byname('check', sample)
    assert.equal(code, 0)
    assert.equal(lines.at(-1), `${sample}: accepted, 7 rules, 6 tests, 1 warning`)
  })

  it('refuses a file with a problem, showing line, caret and fix', async () => {
    const file = fileOf('version: 1\nalow: {}\n')
    const { code, lines } = await byname('check', file)
    assert.equal(code, 2)
    assert.deepEqual(lines, [
      `${file}:2:1: "alow" is not a key of a policy`,
      '  2 | alow: {}',
      '    | ^',
      '  fix: write "allow"',
      `${file}: refused, 1 problem, 0 warnings`,
    ])
  })

  it('ends with 1 where a test of the file fails, and says what came out instead', async () => {
    const file = fileOf(SAMPLE.replace('expect: deny no-rule', 'expect: allow'))
    const { code, lines } = await byname('check', file)
    assert.equal(code, 1)
    assert.match(
      lines[0] ?? '',
      /:\d+:5: test fails: dave@contractor\.example to wiki\.corp\.internal:443 should be allow, but is deny: no rule allows it$/,
    )
  })

  it('speaks JSON', async () => {
    const good = await byname('check', sample, '--json')
    assert.deepEqual([good.documents[0]?.schema, good.documents[0]?.result], [1, 'accepted'])
    const bad = await byname('check', fileOf('version: 2'), '--json')
    assert.equal(bad.code, 2)
    assert.equal(bad.documents[0]?.result, 'refused')
    const [problem] = (bad.documents[0]?.problems ?? []) as Record<string, unknown>[]
    assert.deepEqual([problem?.line, problem?.column, problem?.code], [1, 10, 'ERR_CONFIG_VALUE'])
  })

  it('names a file that is not there', async () => {
    const { code, failures } = await byname('check', path.join(folder, 'none.yaml'))
    assert.equal(code, 2)
    assert.equal(failures[0]?.why, 'there is no such file')
  })

  it('refuses a file that is not UTF-8', async () => {
    const file = path.join(folder, 'latin.yaml')
    writeFileSync(file, Buffer.from('version: 1\n# caf\xe9\n', 'latin1'))
    const { code, lines } = await byname('check', file)
    assert.equal(code, 2)
    assert.match(lines[0] ?? '', /:2:6: the file is not UTF-8 here/)
  })
})

describe('byname policy explain', () => {
  it('says who may, and which rule says so', async () => {
    const { code, lines } = await byname(
      ...['explain', 'fay@example.com', 'git.corp.internal:22', '--file', sample],
      ...['--with', 'okta/groups=engineering'],
    )
    assert.equal(code, 0)
    assert.equal(
      lines[0],
      'fay@example.com to git.corp.internal:22: allowed: rule engineers-reach-source allows it',
    )
  })

  it('says on which claims the answer depends where they are not given', async () => {
    const { code, lines } = await byname(
      'explain',
      'fay@example.com',
      'git.corp.internal:22',
      '--file',
      sample,
    )
    assert.equal(code, 1)
    assert.deepEqual(lines, [
      'fay@example.com to git.corp.internal:22: not decided: allowed if okta/groups has engineering (rule engineers-reach-source), unless okta/groups has suspended (rule nobody-suspended)',
      `  allow engineers-reach-source  ${sample}:17  holds if okta/groups has engineering`,
      `  block nobody-suspended        ${sample}:40  holds if okta/groups has suspended`,
      `  block no-telnet               ${sample}:43  is for ports 23, udp/23`,
      '  4 rules are for other names',
    ])
  })

  it('takes claims that are not given for absent when told so', async () => {
    const args = ['explain', 'fay@example.com', 'git.corp.internal:22', '--file', sample]
    const { code, lines } = await byname(...args, '--no-other-claims')
    assert.equal(code, 1)
    assert.match(lines[0] ?? '', /: denied: no rule allows it$/)
  })

  it('knows services and networks, and prints every rule on demand', async () => {
    const args = ['explain', 'service:pager', 'x.db.corp.internal:udp/53', '--file', sample]
    const { code, lines } = await byname(...args, '--all')
    assert.equal(code, 0)
    assert.equal(lines.length, 8)
  })

  it('speaks JSON', async () => {
    const args = ['explain', 'network:branch-zurich', 'print.corp.internal:9100', '--file', sample]
    const { documents } = await byname(...args, '--json')
    assert.deepEqual(documents[0]?.decision, { kind: 'allow', rule: 'branch-prints' })
    assert.equal((documents[0]?.rules as unknown[] | undefined)?.length, 7)
  })

  const MISUSES: [string, string[], RegExp][] = [
    ['a group for a person', ['group:engineers', 'git.corp.internal:22'], /is not one person/],
    ['no port', ['a@example.com', 'git.corp.internal'], /is not a host and a port/],
    [
      'a claim without a value',
      ['a@example.com', 'a.b.internal:1', '--with', 'x'],
      /is not PROVIDER/,
    ],
    [
      'claims of a service',
      ['service:ci', 'a.b.internal:1', '--with', 'okta/x=1'],
      /has no claims/,
    ],
  ]
  for (const [what, args, expected] of MISUSES) {
    it(`refuses ${what}`, async () => {
      const { code, failures } = await byname('explain', ...args, '--file', sample)
      assert.equal(code, 2)
      assert.match(failures[0]?.what ?? '', expected)
    })
  }
})
