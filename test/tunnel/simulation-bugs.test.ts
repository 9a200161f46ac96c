import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { BUGS, type Bug } from './simulation/bugs.ts'

/** Half a second each, as long as the seeds that are noted show them. */
const SEEDS = 3000

const root = path.join(import.meta.dirname, '../..')
const run = promisify(execFile)

for (const bug of BUGS) {
  test(`the simulation finds that ${bug.what}`, { concurrency: true }, async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'byname-bug-'))
    try {
      await plant(bug, directory)
      const isFound = (await shows(directory, bug.seed, 1)) || (await shows(directory, 1, SEEDS))
      assert.ok(isFound, 'no seed shows it')
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
}

/** Whether the simulation fails as it should: with a seed, and not because the copy does not start. */
async function shows(directory: string, first: number, count: number): Promise<boolean> {
  const file = path.join(directory, 'test/tunnel/simulation/run.ts')
  try {
    await run(process.execPath, [file, `${first}`, `${count}`])
    return false
  } catch (error) {
    const { code, stdout } = error as { code?: number; stdout?: string }
    assert.equal(code, 1, String(error))
    assert.match(stdout ?? '', /^seed \d+: /)
    return true
  }
}

async function plant({ file, right, wrong }: Bug, directory: string): Promise<void> {
  await cp(path.join(root, 'tunnel'), path.join(directory, 'tunnel'), { recursive: true })
  const simulation = 'test/tunnel/simulation'
  await cp(path.join(root, simulation), path.join(directory, simulation), { recursive: true })
  for (const beside of ['package.json', 'node_modules', 'identity', 'names']) {
    await symlink(path.join(root, beside), path.join(directory, beside))
  }
  const target = path.join(directory, 'tunnel', file)
  const source = await readFile(target, 'utf8')
  assert.equal(source.split(right).length, 2, `${file} has the line once: ${right}`)
  await writeFile(target, source.replace(right, wrong))
}
