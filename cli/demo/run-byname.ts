import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')

/** How a child of ours is started: this very Node, on a file of this clone. */
export interface Start {
  /** From the clone's root: `cli/main.ts`, `cli/demo/edge.ts`. */
  readonly file: string
  readonly args: readonly string[]
  /** Where its state is: BYNAME_STATE_DIR. */
  readonly state: string
  readonly stdio?: 'pipe' | 'ignore' | ['ignore', number, number, 'ipc']
}

export function startChild({ file, args, state, stdio = 'pipe' }: Start): ChildProcess {
  const command = ['--disable-warning=ExperimentalWarning', path.join(root, file), ...args]
  const env = { ...process.env, BYNAME_HOME: root, BYNAME_STATE_DIR: state, NO_COLOR: '1' }
  return spawn(process.execPath, command, { stdio, env })
}

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one verb to its end, `timeoutMs` at most. */
export function runVerb(
  state: string,
  args: readonly string[],
  timeoutMs = 20_000,
): Promise<Ended> {
  return untilEnded(startChild({ file: 'cli/main.ts', args, state }), timeoutMs)
}

/** Runs any program to its end, `timeoutMs` at most. */
export function runProgram(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs = 20_000,
): Promise<Ended> {
  return untilEnded(spawn(program, args, { env, stdio: 'pipe' }), timeoutMs)
}

async function untilEnded(child: ChildProcess, timeoutMs: number): Promise<Ended> {
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  child.stdin?.end()
  const code = await new Promise<number>((resolve) => child.on('close', (it) => resolve(it ?? 128)))
  clearTimeout(timer)
  return { code, stdout: await stdout, stderr: await stderr }
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  for await (const chunk of stream ?? []) text += chunk
  return text
}
