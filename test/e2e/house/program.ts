import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** A process of byname's own on a stage, and what it has said. */
export class Program {
  readonly ended: Promise<number | NodeJS.Signals | null>
  readonly #child: ChildProcess
  readonly #logFile: string
  #isRunning = true

  constructor(child: ChildProcess, logFile: string) {
    this.#child = child
    this.#logFile = logFile
    this.ended = new Promise((resolve) =>
      child.on('exit', (code, signal) => {
        this.#isRunning = false
        resolve(code ?? signal)
      }),
    )
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  get log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : ''
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  /** Resident memory now. */
  get rssBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
  }
}
