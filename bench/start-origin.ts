import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'

/** Starts plain-origin.ts in a process of its own and gives its port. */
export function startOrigin(kind: 'echo' | 'source', children: ChildProcess[]): Promise<number> {
  const file = path.join(import.meta.dirname, 'plain-origin.ts')
  const child = spawn(process.execPath, [file, kind], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  return new Promise((resolve) => child.stdout.once('data', (text) => resolve(Number(text))))
}
