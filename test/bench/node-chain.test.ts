import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { makeCertificate } from '../../bench/certificates.ts'
import { startNodeChain } from '../../bench/node-chain.ts'
import { startOrigin } from '../../bench/start-origin.ts'

test('three bare hops carry bytes there and back, end for end, and a break', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'node-chain-'))
  const children: ChildProcess[] = []
  t.after(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(directory, { recursive: true })
  })
  const origin = await startOrigin('echo', children)
  const files = await makeCertificate(directory)
  const way = await startNodeChain(files, { bulkPort: origin, webPort: origin }, children)
  const sent = Buffer.alloc(3_000_000, 'bytes of the way ')
  for (const entry of [way.bulk, way.web, way.webApart ?? way.web]) {
    const socket = net.connect({ ...entry, allowHalfOpen: true })
    socket.end(sent)
    const chunks = await Array.fromAsync(socket)
    assert.ok(Buffer.concat(chunks).equals(sent))
  }
  const broken = net.connect(way.bulk)
  await once(broken.end('x'), 'data')
  children[0]?.kill('SIGKILL')
  const next = net.connect(way.bulk)
  const [error] = await Promise.race([once(next, 'close'), once(next, 'error')])
  assert.ok(error !== undefined)
})
