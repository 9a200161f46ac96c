/**
 * A name whose owner is not its app's: its DNS answers with a public address first and then with the
 * connector's own machine or the cloud's metadata service, or with these at once. The address that is
 * dialled is the one that was judged, so there is nothing in between to change. Defended by
 * connector/dial.ts.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import type { App } from '../../connector/app.ts'
import { Dialler } from '../../connector/dial.ts'
import { type Network, systemNetwork } from '../../connector/network.ts'
import { parseHostname } from '../../names/hostname.ts'
import { realClock as clock } from '../connector/clock.ts'

const name = parseHostname('wiki.evil.example')
const app: App = {
  pattern: { kind: 'host', base: name },
  to: { kind: 'as-asked' },
  written: undefined,
  ports: [],
  health: 'none',
}

/** A server on loopback that counts who comes, and a network whose names lead where the test says. */
async function besieged(
  use: (dial: (addresses: string[]) => Promise<string>, visits: () => number) => Promise<void>,
) {
  let visits = 0
  const victim = net.createServer((socket) => {
    visits++
    socket.destroy()
  })
  await new Promise<void>((resolve) => victim.listen(0, '::', resolve))
  const { port } = victim.address() as net.AddressInfo
  let answers: readonly string[] = []
  const network: Network = { ...systemNetwork, lookup: async () => answers }
  const dialler = new Dialler({ network, clock })
  try {
    await use(
      async (addresses) => {
        answers = addresses
        const dialled = await dialler.dial({ app, name, port }, AbortSignal.timeout(2000))
        if (dialled.kind === 'connected') dialled.socket.destroy()
        return dialled.kind === 'connected' ? 'connected' : dialled.code
      },
      () => visits,
    )
    // The victim does answer whoever reaches it.
    await new Promise((resolve) =>
      net
        .connect({ host: '127.0.0.1', port })
        .once('close', resolve)
        .on('error', () => {}),
    )
    assert.equal(visits, 1)
  } finally {
    victim.close()
  }
}

const LEADS = [
  ['127.0.0.1'],
  ['::1'],
  ['127.0.0.1', '::1', '169.254.169.254'],
  ['::ffff:127.0.0.1'],
  ['0.0.0.0'],
  ['::'],
  ['127.1.2.3'],
  ['64:ff9b::7f00:1'],
  ['127.1'],
  ['2130706433'],
  ['localhost'],
  ['::1%lo'],
]

for (const addresses of LEADS) {
  test(`a name that leads straight to ${addresses.join(', ')} is origin-forbidden`, async () => {
    await besieged(async (dial, visits) => {
      assert.equal(await dial(addresses), 'origin-forbidden')
      assert.equal(visits(), 0)
    })
  })
}

test('a name that was good a moment ago is judged again at each dial', async () => {
  await besieged(async (dial, visits) => {
    assert.notEqual(await dial(['192.0.2.1', '127.0.0.1']), 'connected')
    assert.equal(await dial(['127.0.0.1']), 'origin-forbidden')
    assert.equal(visits(), 0)
  })
})

test('with a real authoritative DNS server and the system resolver, rebinding finds nothing', (t) => {
  const inside = path.join(import.meta.dirname, 'dns-rebinding/inside.ts')
  const asRoot = process.getuid?.() === 0 ? [] : ['-r']
  const args = [
    ...asRoot,
    '-m',
    '-n',
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    inside,
  ]
  const probe = spawnSync('unshare', [...asRoot, '-m', '-n', 'ip', 'link'], { encoding: 'utf8' })
  if (probe.status !== 0) return t.skip('needs unshare and ip')
  const ran = spawnSync('unshare', args, { encoding: 'utf8', timeout: 30_000 })
  assert.equal(ran.status, 0, ran.stderr)
  const { outcomes, seen, direct } = JSON.parse(ran.stdout)
  const no = 'origin-forbidden'
  assert.deepEqual(outcomes, {
    rebinds: ['203.0.113.7', no, no, no, no],
    both: ['203.0.113.7', '203.0.113.7'],
    straight: [no, no, no],
  })
  assert.equal(direct.length, 4)
  assert.deepEqual(seen, {
    '203.0.113.7': 3,
    '127.0.0.1': 1,
    '169.254.169.254': 1,
    '::1': 1,
    '100.100.100.200': 1,
  })
})
