import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import { parseHostname } from '../../names/hostname.ts'
import { openLeaseFile } from '../../resolver/lease-file.ts'
import { Leases } from '../../resolver/leases.ts'
import { firstRange, NOON } from './setup.ts'

function temporary(t: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'byname-leases-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return path.join(directory, 'state', 'leases.db')
}

interface Opened {
  readonly leases: Leases
  readonly aside: { to: string; reason: string }[]
}

function open(file: string): Opened {
  const aside: Opened['aside'] = []
  const onSetAside = (moved: { to: string; reason: string }) => aside.push(moved)
  const book = openLeaseFile(file, { random: randomBytes, onSetAside })
  return { leases: new Leases(book, firstRange()), aside }
}

function addressOf(leases: Leases, name: string): string {
  const answer = leases.addressFor(parseHostname(name), 4, NOON)
  return answer.kind === 'leased' ? answer.address : answer.kind
}

const at = (file: string) => JSON.stringify(path.join(import.meta.dirname, '../../resolver', file))

/** Leases `names` in order, saying each pair only once it has it; then waits to be killed. */
function leaser(file: string, names: readonly string[]): ChildProcess {
  const script = `
    import { writeSync } from 'node:fs'
    import { openLeaseFile } from ${at('lease-file.ts')}
    import { Leases } from ${at('leases.ts')}
    import { candidateRanges } from ${at('choice.ts')}
    const book = openLeaseFile(${JSON.stringify(file)}, { random: (n) => new Uint8Array(n), onSetAside: () => {} })
    const leases = new Leases(book, candidateRanges(Uint8Array.of(0xab, 0xcd, 1, 2, 3, 4, 5))[0])
    for (const name of ${JSON.stringify(names)}) {
      const answer = leases.addressFor(name, 4, ${NOON})
      writeSync(1, name + ' ' + (answer.address ?? JSON.stringify(answer)) + '\\n')
    }
    writeSync(1, 'done\\n')
    setInterval(() => {}, 1000)
  `
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** What it said until it was killed, with SIGKILL, after `lines` lines. */
async function killAfter(child: ChildProcess, lines: number): Promise<Map<string, string>> {
  let text = ''
  const ended = new Promise((done) => child.on('close', done))
  child.stdout?.on('data', (chunk) => {
    text += String(chunk)
    if (text.split('\n').length > lines) child.kill('SIGKILL')
  })
  await ended
  const whole = text.slice(0, text.lastIndexOf('\n')).split('\n')
  return new Map(
    whole
      .filter((line) => line !== 'done')
      .map((line): [string, string] => {
        const [name = '', address = ''] = line.split(' ')
        return [name, address]
      }),
  )
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}.corp.internal`)

describe('the lease file', () => {
  it('keeps every lease that was told, over kill -9', async (t) => {
    const file = temporary(t)
    const told = await killAfter(leaser(file, names(5000)), 60)
    assert.ok(told.size >= 60)
    const { leases, aside } = open(file)
    for (const [name, address] of told) {
      assert.equal(leases.nameOf(address, NOON), name)
      assert.equal(addressOf(leases, name), address)
    }
    // A name that comes now gets an address that no other was told.
    assert.equal([...told.values()].includes(addressOf(leases, 'new.corp.internal')), false)
    assert.deepEqual(aside, [])
    leases.close()
  })

  it('gives several processes at once one address a name and one name an address', async (t) => {
    const file = temporary(t)
    const all = names(80)
    const orders = [all, all.toReversed(), all.slice(40).concat(all.slice(0, 40))]
    const told = await Promise.all(orders.map((order) => killAfter(leaser(file, order), 81)))
    const [first] = told
    assert.equal(first?.size, 80)
    for (const other of told) {
      for (const [name, address] of other) assert.equal(address, first?.get(name))
    }
    assert.equal(new Set(first?.values()).size, 80)
  })

  it('shows a lease to another process that has the file open at once', (t) => {
    const file = temporary(t)
    const [one, other] = [open(file), open(file)]
    const address = addressOf(one.leases, 'wiki.corp.internal')
    assert.equal(other.leases.nameOf(address, NOON), 'wiki.corp.internal')
    assert.equal(addressOf(other.leases, 'wiki.corp.internal'), address)
    one.leases.close()
    other.leases.close()
  })

  it('is nobody else’s to read', (t) => {
    const file = temporary(t)
    const { leases } = open(file)
    addressOf(leases, 'wiki.corp.internal')
    for (const suffix of ['', '-wal', '-shm']) {
      assert.equal(statSync(file + suffix).mode & 0o077, 0, suffix)
    }
    leases.close()
  })

  it('remembers what was made once', (t) => {
    const file = temporary(t)
    const options = { random: randomBytes, onSetAside: () => {} }
    const [one, other] = [openLeaseFile(file, options), openLeaseFile(file, options)]
    assert.equal(
      one.remember('subnet', () => 'abc'),
      'abc',
    )
    assert.equal(
      other.remember('subnet', () => 'xyz'),
      'abc',
    )
    one.close()
    other.close()
  })
})

describe('a lease file of the first version', () => {
  it('is taken over with its leases, and goes on after them', (t) => {
    const file = temporary(t)
    const before = open(file)
    const old = ['a', 'b'].map((name) => addressOf(before.leases, `${name}.corp.internal`))
    before.leases.close()
    const db = new DatabaseSync(file)
    for (const name of ['lease_given', 'lease_moved', 'lease_removed'])
      db.exec(`drop trigger ${name}`)
    db.exec('drop table tally; pragma user_version = 1')
    db.close()
    const { leases, aside } = open(file)
    const now = ['a', 'b'].map((name) => addressOf(leases, `${name}.corp.internal`))
    assert.deepEqual([now, aside], [old, []])
    assert.equal(addressOf(leases, 'c.corp.internal'), '198.19.0.4')
    assert.equal(leases.gauges()[0]?.inUse, 3)
    leases.close()
  })
})

describe('a damaged lease file', () => {
  const damages: readonly [what: string, damage: (file: string) => void][] = [
    ['of garbage', (file) => writeFileSync(file, 'this is no database\n'.repeat(500))],
    ['cut short', (file) => writeFileSync(file, readFileSync(file).subarray(0, 5000))],
    [
      'overwritten in the middle',
      (file) => {
        const bytes = readFileSync(file)
        writeFileSync(file, bytes.fill(0xa5, 4096, bytes.length))
      },
    ],
  ]
  for (const [what, damage] of damages) {
    it(`${what} is set aside, and this is said`, (t) => {
      const file = temporary(t)
      const before = open(file)
      const old = addressOf(before.leases, 'wiki.corp.internal')
      before.leases.close()
      damage(file)
      const damaged = readFileSync(file)
      const { leases, aside } = open(file)
      assert.equal(aside.length, 1)
      assert.equal(aside[0]?.to, `${file}.bad`)
      assert.ok((aside[0]?.reason ?? '') !== '')
      assert.deepEqual(readFileSync(`${file}.bad`), damaged)
      assert.equal(leases.nameOf(old, NOON), undefined)
      assert.match(addressOf(leases, 'wiki.corp.internal'), /^198\.19\./)
      leases.close()
      assert.deepEqual(open(file).aside, [])
    })
  }

  it('is followed by one that begins elsewhere, so that old addresses are hardly met', (t) => {
    const file = temporary(t)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, 'garbage'.repeat(1000))
    const random = () => Uint8Array.of(0, 0, 0x10, 0)
    const book = openLeaseFile(file, { random, onSetAside: () => {} })
    const leases = new Leases(book, firstRange())
    assert.equal(addressOf(leases, 'wiki.corp.internal'), '198.19.16.2')
    leases.close()
    // Opened again it goes on from there.
    const again = open(file)
    assert.equal(addressOf(again.leases, 'git.corp.internal'), '198.19.16.3')
    again.leases.close()
  })

  it('that was set aside does not overwrite an older one', (t) => {
    const file = temporary(t)
    mkdirSync(path.dirname(file), { recursive: true })
    for (const expected of ['bad', 'bad-1', 'bad-2']) {
      writeFileSync(file, 'garbage'.repeat(1000))
      const { leases, aside } = open(file)
      assert.equal(aside[0]?.to, `${file}.${expected}`)
      leases.close()
    }
  })
})

describe('a lease file that cannot be used', () => {
  it('of a newer version is left as it is', (t) => {
    const file = temporary(t)
    open(file).leases.close()
    const db = new DatabaseSync(file)
    db.exec('pragma user_version = 99')
    db.close()
    assert.throws(() => open(file), { code: 'ERR_LEASE_FILE', file })
  })

  it('since a directory is in its place, is an error that names it', (t) => {
    const file = temporary(t)
    mkdirSync(file, { recursive: true })
    assert.throws(() => open(file), { code: 'ERR_LEASE_FILE', file })
  })
})
