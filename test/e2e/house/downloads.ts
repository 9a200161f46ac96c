/**
 * Programs that download, in one process: `node downloads.ts HOST PORT COUNT BYTES PACE [NEW_BYTES
 * NEW_PER_SECOND]` holds COUNT connections that get BYTES each at PACE bytes per second, and with the
 * last two goes on opening short ones for NEW_BYTES each until a line comes on stdin. Every byte is
 * compared with what was sent. A line of JSON each 100 ms says how far it is; the last one has `isOver`.
 */
import net from 'node:net'
import { isPattern } from './pattern.ts'

export interface Progress {
  readonly isOver: boolean
  readonly open: number
  /** Ended in order with all their bytes. */
  readonly whole: number
  /** What went wrong, one each. */
  readonly failed: readonly string[]
  readonly receivedBytes: number
  /** The short ones. */
  readonly fresh: { readonly asked: number; readonly whole: number; readonly slowestMs: number }
}

const [host = '', port = '0', ...numbers] = process.argv.slice(2)
const [count = 0, bytes = 0, pace = 0, newBytes = 0, newPerSecond = 0] = numbers.map(Number)
const fresh = { asked: 0, whole: 0, slowestMs: 0 }
const failed: string[] = []
let [open, whole, receivedBytes] = [0, 0, 0]
let isStopped = newPerSecond === 0

process.stdin.once('data', () => {
  isStopped = true
})
setInterval(() => tell(false), 100).unref()
const long = Array.from({ length: count }, () => download(bytes, pace, () => void whole++))
const short = isStopped ? undefined : openFresh()
await Promise.all(long)
await short
tell(true)
process.exit()

function tell(isOver: boolean): void {
  const progress: Progress = { isOver, open, whole, failed, receivedBytes, fresh }
  console.log(JSON.stringify(progress))
}

async function openFresh(): Promise<void> {
  const running: Promise<void>[] = []
  while (!isStopped) {
    const startedAt = performance.now()
    fresh.asked++
    running.push(
      download(newBytes, 0, () => {
        fresh.whole++
        fresh.slowestMs = Math.max(fresh.slowestMs, performance.now() - startedAt)
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, 1000 / newPerSecond))
  }
  await Promise.all(running)
}

function download(wanted: number, bytesPerSecond: number, done: () => void): Promise<void> {
  let received = 0
  let problem: string | undefined
  open++
  const socket = net.connect(Number(port), host)
  socket.write(`send ${wanted} ${bytesPerSecond}\n`)
  socket.on('data', (chunk: Buffer) => {
    if (!isPattern(chunk, received)) problem ??= `other bytes after ${received}`
    received += chunk.length
    receivedBytes += chunk.length
  })
  socket.on('error', (error) => {
    problem ??= `${error.message} after ${received}`
  })
  return new Promise((resolve) => {
    socket.on('close', () => {
      open--
      if (received !== wanted) problem ??= `only ${received} bytes`
      if (problem === undefined) done()
      else failed.push(problem)
      resolve()
    })
  })
}
