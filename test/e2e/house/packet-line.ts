/**
 * A slow line between two network interfaces, packet by packet: one-way delay, rate, a tail-drop
 * queue, random loss; for kernels without netem. A TCP relay would not do: it acknowledges locally,
 * so no sender would see the delay. Needs root and /dev/net/tun.
 *
 *   node packet-line.ts NEAR FAR DELAY_MS RATE_MBIT QUEUE_BYTES LOSS_PERCENT
 *
 * Makes the TUN devices NEAR and FAR, prints `ready` and carries packets until it is killed.
 * QUEUE_BYTES counts what is on the way as well: give at least rate × delay.
 */
import { dlopen, getCurrentEventLoop } from 'node:ffi'
import { constants, openSync } from 'node:fs'

const TUNSETIFF = 0x400454can
const IFF_TUN_NO_PI = 0x1001
const UV_POLL = 8
const UV_READABLE = 1
const PACKETS_AT_ONCE = 256

const [near = '', far = '', ...numbers] = process.argv.slice(2)
const [delayMs = 0, rateMbit = 0, queueBytes = 0, lossPercent = 0] = numbers.map(Number)
const bytesPerMs = (rateMbit * 1e6) / 8 / 1000
const { lib, functions: c } = dlopen(null, {
  ioctl: { arguments: ['int32', 'uint64', 'buffer'], return: 'int32' },
  read: { arguments: ['int32', 'buffer', 'uint64'], return: 'int64' },
  write: { arguments: ['int32', 'buffer', 'uint64'], return: 'int64' },
  uv_handle_size: { arguments: ['int32'], return: 'uint64' },
  uv_poll_init: { arguments: ['pointer', 'buffer', 'int32'], return: 'int32' },
  uv_poll_start: { arguments: ['buffer', 'int32', 'pointer'], return: 'int32' },
})
/** libuv writes into them as long as the process lives. */
const handles: Buffer[] = []

const [nearFd, farFd] = [openTun(near), openTun(far)]
carry(nearFd, farFd)
carry(farFd, nearFd)
console.log('ready')

function openTun(name: string): number {
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK)
  const request = Buffer.alloc(40)
  request.write(name)
  request.writeUInt16LE(IFF_TUN_NO_PI, 16)
  if (c.ioctl(fd, TUNSETIFF, request) < 0) throw new Error(`cannot make ${name}`)
  return fd
}

function whenReadable(fd: number, callback: () => void): void {
  const handle = Buffer.alloc(Number(c.uv_handle_size(UV_POLL)))
  handles.push(handle)
  if (c.uv_poll_init(getCurrentEventLoop(), handle, fd) < 0) throw new Error('uv_poll_init')
  const signature = { arguments: ['pointer', 'int32', 'int32'], return: 'void' } as const
  c.uv_poll_start(handle, UV_READABLE, lib.registerCallback(signature, callback))
}

/** One direction. */
function carry(from: number, to: number): void {
  const queue: { readonly at: number; readonly packet: Buffer }[] = []
  const scratch = Buffer.alloc(70_000)
  let queued = 0
  let lineFreeAt = 0

  whenReadable(from, () => {
    for (let count = 0; count < PACKETS_AT_ONCE; count++) {
      const length = Number(c.read(from, scratch, BigInt(scratch.length)))
      if (length <= 0) return
      if (queued + length > queueBytes || Math.random() * 100 < lossPercent) continue
      queued += length
      lineFreeAt = Math.max(lineFreeAt, performance.now()) + length / bytesPerMs
      queue.push({ at: lineFreeAt + delayMs, packet: Buffer.from(scratch.subarray(0, length)) })
    }
  })

  setInterval(() => {
    const now = performance.now()
    let due = 0
    for (let next = queue[0]; next && next.at <= now; next = queue[due]) {
      c.write(to, next.packet, BigInt(next.packet.length))
      queued -= next.packet.length
      due++
    }
    queue.splice(0, due)
  }, 1)
}
