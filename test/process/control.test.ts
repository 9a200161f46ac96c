import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import {
  type ControlVerb,
  callControl,
  followControl,
  serveControl,
} from '../../process/control.ts'
import { silentLog as log } from '../../process/log.ts'

let directory = ''
before(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'byname-control-'))
})
after(() => rmSync(directory, { recursive: true, force: true }))

let served = 0
const nextPath = () => path.join(directory, `${++served}.sock`)

async function serving(
  verbs: Record<string, ControlVerb>,
  use: (file: string) => Promise<void>,
  bounds: object = {},
): Promise<void> {
  const server = await serveControl({ path: nextPath(), verbs, log, ...bounds })
  try {
    await use(server.path)
  } finally {
    await server.close()
  }
}

/** Sends bytes as they are and gives what came back until the server closes or `enough` lines came. */
async function raw(file: string, bytes: string | Buffer, enough = 1): Promise<string> {
  const socket = net.connect({ path: file })
  let text = ''
  socket.on('data', (chunk) => {
    text += String(chunk)
    if (text.split('\n').length > enough) socket.end()
  })
  socket.on('error', () => socket.destroy())
  socket.write(bytes)
  await once(socket, 'close')
  return text
}

test('a verb answers its caller with the value it gave', async () => {
  await serving({ echo: async (params) => params }, async (file) => {
    assert.deepEqual(await callControl(file, 'echo', { a: [1, 'zwei'] }), { a: [1, 'zwei'] })
    assert.deepEqual(await callControl(file, 'echo'), {})
  })
})

test('the socket is 0600 and gone after close', async () => {
  let file = ''
  await serving({}, async (served) => {
    file = served
    assert.equal(statSync(served).mode & 0o777, 0o600)
  })
  assert.equal(existsSync(file), false)
})

test('another user is refused by the kernel', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root to become another user')
  await serving({}, async (file) => {
    const script = `const s=require('net').connect(${JSON.stringify(file)});s.on('connect',()=>{console.log('in');s.destroy()});s.on('error',e=>console.log(e.code))`
    spawnSync('chmod', ['0755', directory])
    const ran = spawnSync(process.execPath, ['-e', script], {
      uid: 65534,
      gid: 65534,
      encoding: 'utf8',
    })
    assert.match(ran.stdout, /EACCES/, ran.stderr)
  })
})

test('an error keeps its code, sentence and facts, and says nothing of the stack', async () => {
  const refusal = Object.assign(new Error('no'), { code: 'ERR_NO', facts: { name: 'a' }, at: 3 })
  const verbs = { no: async () => Promise.reject(refusal), odd: async () => Promise.reject('odd') }
  await serving(verbs, async (file) => {
    await assert.rejects(
      callControl(file, 'no'),
      (error: Error & { code: string; facts: object }) => {
        assert.equal(error.code, 'ERR_NO')
        assert.equal(error.message, 'no')
        assert.deepEqual(error.facts, { facts: { name: 'a' }, at: 3 })
        return true
      },
    )
    await assert.rejects(callControl(file, 'odd'), { code: 'ERR_INTERNAL' })
    await assert.rejects(callControl(file, 'none'), { code: 'ERR_CONTROL_METHOD' })
    await assert.rejects(callControl(file, 'constructor'), { code: 'ERR_CONTROL_METHOD' })
    const answer = await raw(file, '{"id":1,"method":"no"}\n')
    assert.equal(answer.includes('stack'), false)
  })
})

test('a verb that throws before its first await is an answer, not the end of the process', async () => {
  const throws = () => {
    throw Object.assign(new Error('at once'), { code: 'ERR_AT_ONCE' })
  }
  await serving({ throws }, (file) =>
    assert.rejects(callControl(file, 'throws'), { code: 'ERR_AT_ONCE' }),
  )
})

test('a stream gives its items in order and ends', async () => {
  const count = async function* () {
    for (let at = 0; at < 500; at++) yield { at }
  }
  await serving({ count }, async (file) => {
    const items: unknown[] = []
    for await (const item of followControl(file, 'count')) items.push(item)
    assert.equal(items.length, 500)
    assert.deepEqual(items.at(-1), { at: 499 })
  })
})

test('a caller that leaves a stream stops it at the server', async () => {
  const stopped = Promise.withResolvers<void>()
  const forever: ControlVerb = async function* (_params, call) {
    call.signal.addEventListener('abort', () => stopped.resolve())
    for (let at = 0; ; at++) {
      yield at
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  await serving({ forever }, async (file) => {
    for await (const item of followControl(file, 'forever')) if (item === 3) break
    await stopped.promise
  })
})

test('a stream that waits for ever ends when its caller cancels it, and the connection goes on', async () => {
  const never: ControlVerb = async function* () {
    yield 'first'
    await new Promise(() => undefined)
  }
  await serving({ never, ok: async () => 'ok' }, async (file) => {
    const lines = '{"id":7,"method":"never"}\n{"id":7,"cancel":true}\n'
    const socket = net.connect({ path: file })
    let text = ''
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (text.includes('done') && !text.includes('"ok"')) socket.write('{"id":7,"method":"ok"}\n')
      if (text.includes('"ok"')) socket.destroy()
    })
    socket.write(lines)
    await once(socket, 'close')
    assert.match(text, /"id":7,"done":true/)
    assert.match(text, /"id":7,"result":"ok"/)
  })
})

test('a stream is not made faster than its caller reads', async () => {
  let made = 0
  const flood: ControlVerb = async function* () {
    for (; made < 100_000; made++) yield 'x'.repeat(1000)
  }
  await serving({ flood }, async (file) => {
    const socket = net.connect({ path: file })
    socket.pause()
    socket.write('{"id":1,"method":"flood"}\n')
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.ok(made > 0 && made < 5000, `${made} items for a caller that reads nothing`)
    socket.destroy()
  })
})

test('malformed requests are answered and harm nobody', async () => {
  await serving({ ok: async () => 'ok' }, async (file) => {
    const bad = [
      '{',
      '[]',
      '"x"',
      '1',
      'null',
      '{}',
      '{"id":-1,"method":"ok"}',
      '{"id":1.5}',
      '{"id":1}',
    ]
    bad.push('{"id":1,"method":{}}', `{"id":1,"method":"${'m'.repeat(200)}"}`, '\u0000\u0001')
    for (const line of bad) {
      assert.match(await raw(file, `${line}\n`), /ERR_CONTROL_REQUEST/, line)
    }
    assert.equal(await callControl(file, 'ok'), 'ok')
  })
})

test('an oversize line is answered once and the connection closed, ended or not', async () => {
  await serving({ ok: async () => 'ok' }, async (file) => {
    const long = Buffer.alloc(70_000, 0x61)
    assert.match(await raw(file, long, 9), /ERR_CONTROL_LINE_TOO_LONG/)
    assert.match(await raw(file, Buffer.concat([long, Buffer.from('\n')]), 9), /LINE_TOO_LONG/)
    assert.equal(await callControl(file, 'ok'), 'ok')
  })
})

test('a line of just the bound is taken', async () => {
  await serving({ size: async (params) => (params as string).length }, async (file) => {
    const frame = '{"id":1,"method":"size","params":""}'
    const line = frame.replace('""}', `"${'p'.repeat(64 * 1024 - frame.length)}"}`)
    assert.equal(line.length, 64 * 1024)
    assert.match(await raw(file, `${line}\n`), /"result":\d+/)
  })
})

test('calls and connections at once are bounded', async () => {
  const wait: ControlVerb = async () => new Promise(() => undefined)
  await serving(
    { wait },
    async (file) => {
      const lines = [1, 2, 3].map((id) => `{"id":${id},"method":"wait"}\n`).join('')
      assert.match(await raw(file, lines), /"id":3,"error":\{"code":"ERR_CONTROL_BUSY"/)
      assert.match(
        await raw(file, `${lines.slice(0, 25)}\n{"id":1,"method":"wait"}\n`),
        /ERR_CONTROL/,
      )
    },
    { maxCalls: 2 },
  )
})

test('an idle connection is closed', async () => {
  await serving(
    {},
    async (file) => {
      const socket = net.connect({ path: file })
      await once(socket, 'close')
    },
    { idleMs: 50 },
  )
})

test('a stale socket file is replaced, a live one is refused, anything else is left alone', async () => {
  const file = nextPath()
  const left = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', left])
  assert.equal(existsSync(file), true, 'a killed process leaves its socket file')
  const first = await serveControl({ path: file, verbs: { ok: async () => 1 }, log })
  await assert.rejects(serveControl({ path: file, verbs: {}, log }), { code: 'ERR_CONTROL_IN_USE' })
  assert.equal(await callControl(file, 'ok'), 1, 'the first one still answers')
  await first.close()
  writeFileSync(file, 'precious')
  await assert.rejects(serveControl({ path: file, verbs: {}, log }), { code: 'ERR_CONTROL_PATH' })
  assert.equal(statSync(file).size, 8)
})

test('nobody there is ERR_CONTROL_UNREACHABLE with exit code 3', async () => {
  await assert.rejects(callControl(nextPath(), 'ok'), {
    code: 'ERR_CONTROL_UNREACHABLE',
    exitCode: 3,
  })
})

test('a daemon that goes away in the middle of a call is unreachable as well', async () => {
  const server = await serveControl({
    path: nextPath(),
    verbs: { wait: async () => new Promise(() => undefined) },
    log,
  })
  const call = callControl(server.path, 'wait')
  const failed = assert.rejects(call, { code: 'ERR_CONTROL_UNREACHABLE' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  await server.close()
  await failed
})

test('a call has an end even if the daemon gives none', async () => {
  await serving({ wait: async () => new Promise(() => undefined) }, (file) =>
    assert.rejects(callControl(file, 'wait', {}, { timeoutMs: 50 }), {
      code: 'ERR_CONTROL_TIMEOUT',
    }),
  )
})

test('a path too long for a Unix socket is said, not cut', async () => {
  const file = path.join(directory, 'd'.repeat(120), 'x.sock')
  await assert.rejects(serveControl({ path: file, verbs: {}, log }), { code: 'ERR_CONTROL_PATH' })
})
