import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'

/** Whatever ends this process but SIGKILL, a fault among it: its children end, and its files. */
export function endWithUs(children: readonly ChildProcess[], directory: string): void {
  process.once('exit', () => {
    for (const child of children.toReversed()) child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
}
