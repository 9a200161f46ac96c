import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { PolicyFile } from '../../edge/policy-file.ts'
import type { Log } from '../../process/log.ts'

const rules = (...names: string[]) =>
  `version: 1\nallow:\n${names.map((name) => `  ${name}: { who: anyone, to: ${name}.corp.internal, ports: 80 }\n`).join('')}`

async function place(t: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'byname-policy-'))
  t.after(() => rm(directory, { recursive: true, maxRetries: 5, retryDelay: 20 }))
  const file = path.join(directory, 'policy.yaml')
  const lastGoodFile = path.join(directory, 'state', 'policy.last-good.yaml')
  const lines: { event: unknown; sentence: string }[] = []
  const write = (facts: Record<string, unknown>, sentence: string) => {
    lines.push({ event: facts.event, sentence })
  }
  const log: Log = {
    trace: write,
    debug: write,
    info: write,
    warn: write,
    error: write,
    child: () => log,
  }
  let changes = 0
  const open = async (patienceMs = 150) => {
    const changed = () => void changes++
    const now = () => 1
    const policy = await PolicyFile.open({ file, lastGoodFile, now, log, changed, patienceMs })
    t.after(() => policy.close())
    return policy
  }
  return { directory, file, open, lines, changes: () => changes }
}

/** Waits until `isSo`, 2 s at most. */
async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 5) {
    assert.ok(waited < 2000, 'it never came to be')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('without a file nobody reaches anything, and the status says why', async (t) => {
  const { open, file } = await place(t)
  const policy = await open()
  assert.equal(policy.policy.rules.length, 0)
  assert.equal(policy.status.source, 'none')
  assert.match(policy.status.problems[0]?.message ?? '', /no such file/)
  assert.equal(policy.status.file, file)
})

test('a changed file is in force within 100 ms, however it is replaced', async (t) => {
  const { open, file, directory, changes } = await place(t)
  await writeFile(file, rules('wiki'))
  const policy = await open()
  const times: number[] = []
  const replace = [
    () => writeFile(file, rules('wiki', 'db')),
    async () => {
      await writeFile(`${file}.new`, rules('wiki', 'db', 'git'))
      await rename(`${file}.new`, file)
    },
    async () => {
      await writeFile(path.join(directory, 'elsewhere'), rules('a', 'b', 'c', 'd'))
      await symlink('elsewhere', `${file}.link`)
      await rename(`${file}.link`, file)
    },
  ]
  for (const [at, write] of replace.entries()) {
    const begin = performance.now()
    await write()
    await until(() => policy.policy.rules.length === at + 2)
    times.push(performance.now() - begin)
  }
  assert.equal(changes(), 4)
  assert.ok(times.toSorted((a, b) => a - b)[1] ?? 1e9 < 100, times.join(', '))
})

test('a bad file is refused with its line, and the last good one stays', async (t) => {
  const { open, file, lines, changes } = await place(t)
  await writeFile(file, rules('wiki'))
  const policy = await open()
  await writeFile(file, `${rules('wiki')}alow: {}\n`)
  await until(() => policy.status.problems.length > 0)
  assert.equal(policy.policy.rules.length, 1)
  assert.equal(policy.status.source, 'file')
  const [problem] = policy.status.problems
  assert.deepEqual([problem?.line, problem?.column], [4, 1])
  assert.match(problem?.fix ?? '', /allow/)
  const refused = lines.find(({ event }) => event === 'policy-refused')
  assert.match(refused?.sentence ?? '', /the last good one stays.*policy\.yaml:4:1/s)
  assert.equal(changes(), 1)
  await writeFile(file, rules('wiki', 'db'))
  await until(() => policy.policy.rules.length === 2)
  assert.deepEqual(policy.status.problems, [])
})

test('a file whose own tests fail is refused', async (t) => {
  const { open, file } = await place(t)
  await writeFile(file, rules('wiki'))
  const policy = await open()
  const test = '  - { as: { email: a@b.example }, to: "db.corp.internal:80", expect: allow }\n'
  await writeFile(file, `${rules('wiki')}tests:\n${test}`)
  await until(() => policy.status.problems.length > 0)
  assert.match(policy.status.problems[0]?.message ?? '', /test fails/)
  assert.equal(policy.policy.rules.length, 1)
})

test('a file that is bad at a start does not lock out all: what was in force is recalled', async (t) => {
  const { open, file } = await place(t)
  await writeFile(file, rules('wiki', 'db'))
  const first = await open()
  await until(() => first.status.source === 'file')
  await new Promise((resolve) => setTimeout(resolve, 50))
  await first.close()
  await writeFile(file, 'version: 7\n')
  const second = await open()
  assert.equal(second.policy.rules.length, 2)
  assert.equal(second.status.source, 'last-good')
  assert.equal(second.status.problems[0]?.line, 1)
})

test('a file that is gone at a start denies all, whatever was in force before', async (t) => {
  const { open, file } = await place(t)
  await writeFile(file, rules('wiki'))
  const first = await open()
  await new Promise((resolve) => setTimeout(resolve, 50))
  await first.close()
  await unlink(file)
  const second = await open()
  assert.equal(second.policy.rules.length, 0)
})

test('what a removed file allowed is not allowed again by a restart beside a broken one', async (t) => {
  const { open, file } = await place(t)
  await writeFile(file, rules('wiki'))
  const first = await open()
  await unlink(file)
  await until(() => first.status.source === 'none')
  await writeFile(file, 'version: 7\n')
  await until(() => first.status.problems[0]?.code !== 'ERR_POLICY_FILE')
  assert.equal(first.policy.rules.length, 0)
  await first.close()
  const second = await open()
  assert.equal(second.policy.rules.length, 0)
})

test('of two changes in a row the later one is what a restart recalls', async (t) => {
  const { open, file } = await place(t)
  await writeFile(file, rules('wiki', 'db', 'git'))
  const first = await open()
  await writeFile(file, rules('wiki', 'db'))
  await first.reload()
  await writeFile(file, rules('wiki'))
  await first.reload()
  await first.close()
  await writeFile(file, 'version: 7\n')
  const second = await open()
  assert.equal(second.policy.rules.length, 1)
})

test('an editor that empties the file before it writes cuts nobody, a file that stays away does', async (t) => {
  const { open, file, changes } = await place(t)
  await writeFile(file, rules('wiki'))
  const policy = await open(200)
  await writeFile(file, '')
  await new Promise((resolve) => setTimeout(resolve, 60))
  await writeFile(file, rules('wiki', 'db'))
  await until(() => policy.policy.rules.length === 2)
  assert.equal(changes(), 2, 'the empty moment never was in force')
  await unlink(file)
  await until(() => policy.policy.rules.length === 0)
  assert.equal(policy.status.source, 'none')
  await writeFile(file, rules('wiki'))
  await until(() => policy.policy.rules.length === 1)
})

test('a file that is written in pieces is in force when it is whole, and no piece of it before', async (t) => {
  const { open, file, changes } = await place(t)
  await writeFile(file, rules('wiki'))
  const policy = await open(100)
  const whole = `${rules('wiki', 'db')}block:\n  nobody: { who: anyone, to: db.corp.internal }\n`
  const at = whole.indexOf('block:') + 3
  await writeFile(file, whole.slice(0, at))
  await new Promise((resolve) => setTimeout(resolve, 60))
  await appendFile(file, whole.slice(at, at + 10))
  await new Promise((resolve) => setTimeout(resolve, 60))
  await appendFile(file, whole.slice(at + 10))
  await until(() => policy.policy.rules.length !== 1)
  assert.equal(policy.policy.rules.length, 3)
  assert.equal(changes(), 2)
})

test('rewriting the same text changes nothing', async (t) => {
  const { open, file, changes } = await place(t)
  await writeFile(file, rules('wiki'))
  const policy = await open()
  await writeFile(file, rules('wiki'))
  await policy.reload()
  assert.equal(changes(), 1)
})

test('a file that cannot be read is a problem, not a crash', async (t) => {
  const { open, file } = await place(t)
  await symlink(path.dirname(file), file)
  const policy = await open()
  assert.equal(policy.policy.rules.length, 0)
  assert.match(policy.status.problems[0]?.message ?? '', /EISDIR/)
})
