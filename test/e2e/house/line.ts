import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Room } from './room.ts'

export interface LineOptions {
  readonly delayMs: number
  readonly rateMbit: number
  /** What waits and what is on the way, together. */
  readonly queueBytes: number
  readonly lossPercent?: number
}

/** One end of a line. */
export interface LineEnd {
  readonly room: Room
  /** What it is called there. */
  readonly device: string
  /** The addresses there that the other end reaches over it. */
  readonly addresses: readonly string[]
}

/**
 * A line of packet-line.ts between two rooms: what goes from either to the other's addresses goes
 * over it. It ends with its rooms.
 */
export class Line {
  readonly #near: LineEnd
  readonly #far: LineEnd
  #process: ChildProcess | undefined

  constructor(near: LineEnd, far: LineEnd) {
    this.#near = near
    this.#far = far
  }

  /** Lays it, or another in its place; the rooms have no way to one another for a moment. */
  async become({ delayMs, rateMbit, queueBytes, lossPercent = 0 }: LineOptions): Promise<void> {
    await this.#end()
    const numbers = [delayMs, rateMbit, queueBytes, lossPercent].map(String)
    const program = path.join(import.meta.dirname, 'packet-line.ts')
    const quiet = '--disable-warning=ExperimentalWarning'
    const [near, far] = [this.#near, this.#far]
    const words = [process.execPath, quiet, program, near.device, far.device, ...numbers]
    this.#process = near.room.start(words, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(this.#process.stdout ?? this.#process, 'data')
    near.room.runSync(['ip', 'link', 'set', far.device, 'netns', far.room.name])
    connect(near, far)
    connect(far, near)
  }

  /** What has come out of it at either end, since it was laid; `up` is towards the far end. */
  async carriedBytes(): Promise<{ readonly up: number; readonly down: number }> {
    const [down, up] = await Promise.all([this.#near, this.#far].map(receivedBytes))
    return { up: up ?? 0, down: down ?? 0 }
  }

  async #end(): Promise<void> {
    if (!this.#process) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }
}

async function receivedBytes({ room, device }: LineEnd): Promise<number> {
  const { stdout } = await room.run(['ip', '-s', '-j', 'link', 'show', device])
  const [link] = JSON.parse(stdout) as { stats64: { rx: { bytes: number } } }[]
  return link?.stats64.rx.bytes ?? 0
}

function connect({ room, device, addresses: [own = ''] }: LineEnd, { addresses }: LineEnd): void {
  room.runSync(['ip', 'link', 'set', device, 'up'])
  for (const other of addresses)
    room.runSync(['ip', 'route', 'add', `${other}/32`, 'dev', device, 'src', own])
}
