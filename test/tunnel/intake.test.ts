import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { Intake } from '../../tunnel/link/intake.ts'
import { pattern } from './doubles.ts'

const BINARY = 0x82
const MASK_BIT = 0x80

/** One frame of RFC 6455 §5.2; a mask of zero when `mask` is left out. */
function frame(first: number, body: Buffer, mask: Buffer | 'none' = Buffer.alloc(4)): Buffer {
  const { length } = body
  const long = length > 65_535 ? 8 : length > 125 ? 2 : 0
  const header = Buffer.alloc(2 + long)
  header[0] = first
  header[1] = (mask === 'none' ? 0 : MASK_BIT) | (long === 8 ? 127 : long === 2 ? 126 : length)
  if (long === 8) header.writeBigUInt64BE(BigInt(length), 2)
  if (long === 2) header.writeUInt16BE(length, 2)
  return Buffer.concat([header, mask === 'none' ? Buffer.alloc(0) : mask, body])
}

/** What `ws` got and what went past it, of a socket that reads these chunks. */
function intakeOf(chunks: readonly Buffer[], isPeerMasked = true) {
  const socket = new Duplex({ read() {}, write() {} })
  const seen = { ours: [] as Buffer[], left: [] as Buffer[] }
  socket.on('data', (chunk: Buffer) => seen.left.push(chunk))
  const intake = new Intake({
    socket,
    isPeerMasked,
    maxBytes: 1000,
    piece: (bytes) => seen.ours.push(Buffer.from(bytes)),
    read: () => {},
  })
  intake.open()
  for (const chunk of chunks) {
    const read = Buffer.from(chunk)
    socket.emit('data', read)
    // The memory is read into again.
    read.fill(0xdd)
  }
  return { ours: Buffer.concat(seen.ours), left: Buffer.concat(seen.left), intake, socket, seen }
}

const plain = [
  frame(BINARY, pattern(300).subarray(0, 1)),
  frame(BINARY, pattern(300).subarray(1, 126)),
  frame(BINARY, Buffer.alloc(0)),
  frame(BINARY, pattern(300).subarray(126)),
]
const PLAIN_BODY = pattern(300)

test('plain frames go past ws, whole or cut anywhere, and in single bytes', () => {
  const bytes = Buffer.concat(plain)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { ours, left } = intakeOf([bytes.subarray(0, cut), bytes.subarray(cut)])
    assert.deepEqual(ours, PLAIN_BODY, `cut at ${cut}`)
    assert.equal(left.length, 0)
  }
  const single = intakeOf([...bytes].map((byte) => Buffer.of(byte)))
  assert.deepEqual(single.ours, PLAIN_BODY)
})

test('everything else is left to ws as it came, cut anywhere, between frames that are not', () => {
  const body = Buffer.from('ping')
  const others = {
    ping: [frame(0x89, body)],
    text: [frame(0x81, body)],
    'a mask': [frame(BINARY, body, Buffer.of(0, 0, 0, 1))],
    'no mask': [frame(BINARY, body, 'none')],
    'a reserved bit': [frame(0xc2, body)],
    'a frame that is too long': [frame(BINARY, pattern(1001))],
    'a very long frame': [frame(BINARY, pattern(70_000))],
    fragments: [frame(0x02, body), frame(0x89, body), frame(0x00, body), frame(0x80, body)],
    'a binary frame amid fragments': [frame(0x02, body), frame(BINARY, body), frame(0x80, body)],
  }
  for (const [what, frames] of Object.entries(others)) {
    const bytes = Buffer.concat([...plain, ...frames, ...plain])
    for (let cut = 0; cut <= Math.min(bytes.length, 500); cut++) {
      const { ours, left } = intakeOf([bytes.subarray(0, cut), bytes.subarray(cut)])
      assert.ok(left.equals(Buffer.concat(frames)), `${what}, cut at ${cut}`)
      assert.ok(ours.equals(Buffer.concat([PLAIN_BODY, PLAIN_BODY])), `${what}, cut at ${cut}`)
    }
  }
})

test('a client takes frames without a mask, and leaves those with one to ws', () => {
  const masked = frame(BINARY, Buffer.from('no'))
  const { ours, left } = intakeOf([frame(BINARY, PLAIN_BODY, 'none'), masked], false)
  assert.deepEqual(ours, PLAIN_BODY)
  assert.deepEqual(left, masked)
})

test('nothing is read after a close, nor after ws has given up', () => {
  const close = frame(0x88, Buffer.from('end'))
  for (let cut = 0; cut <= close.length; cut++) {
    const { ours, left } = intakeOf([
      close.subarray(0, cut),
      Buffer.concat([close.subarray(cut), ...plain]),
      ...plain,
    ])
    assert.equal(ours.length, 0)
    assert.deepEqual(left, close)
  }
  const { intake, socket, seen } = intakeOf([])
  intake.stop()
  socket.emit('data', Buffer.concat(plain))
  assert.deepEqual(seen, { ours: [], left: [] })
})

test('before it is open everything is left to ws, and it still knows where frames begin', () => {
  const socket = new Duplex({ read() {}, write() {} })
  const left: Buffer[] = []
  const ours: Buffer[] = []
  socket.on('data', (chunk: Buffer) => left.push(chunk))
  const piece = (bytes: Buffer) => void ours.push(Buffer.from(bytes))
  const intake = new Intake({ socket, isPeerMasked: true, maxBytes: 1000, piece, read: () => {} })
  const bytes = Buffer.concat(plain)
  socket.emit('data', bytes.subarray(0, 50))
  intake.open()
  socket.emit('data', bytes.subarray(50))
  // The second frame is cut at 50: ws has its beginning, and gets its end.
  assert.deepEqual(Buffer.concat(left), Buffer.concat(plain.slice(0, 2)))
  assert.deepEqual(Buffer.concat(ours), PLAIN_BODY.subarray(126))
})
