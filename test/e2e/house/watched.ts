import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type UntilOptions, until } from './until.ts'

/** A program that says how far it is in lines of JSON. */
export class Watched<Report> {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  last: Report | undefined
  stderr = ''

  constructor(child: ChildProcess) {
    this.child = child
    if (!child.stdout || !child.stderr) throw new Error('its output is not a pipe')
    child.stderr.on('data', (chunk) => {
      this.stderr += chunk
    })
    createInterface(child.stdout).on('line', (line) => {
      this.last = JSON.parse(line)
    })
    this.ended = new Promise((resolve) => child.on('close', resolve))
  }

  /** Waits for a report that is so. */
  until(isSo: (report: Report) => boolean, options: UntilOptions): Promise<void> {
    const failed = () => `${JSON.stringify(this.last)?.slice(0, 1000)}\n${this.stderr}`
    return until(() => this.last !== undefined && isSo(this.last), { failed, ...options })
  }
}
