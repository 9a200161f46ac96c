import type { Command } from 'commander'
import type { Output } from '../output.ts'

type Register = (program: Command, out: Output) => void

/**
 * Every verb by its first word, each in a file of its own that is read only when the word is typed
 * (or all of them, for help): `byname run` must not wait for the code of `byname edge`.
 */
const FILES: Record<string, () => Promise<{ register: Register }>> = {
  client: () => import('./client.ts'),
  connector: () => import('./connector.ts'),
  demo: () => import('./demo.ts'),
  dig: () => import('./dig.ts'),
  edge: () => import('./edge.ts'),
  flow: () => import('./flow.ts'),
  policy: () => import('./policy.ts'),
  publish: () => import('./publish.ts'),
  run: () => import('./run.ts'),
  session: () => import('./session.ts'),
  status: () => import('./status.ts'),
  trace: () => import('./trace.ts'),
}

export const VERBS = {
  async register(program: Command, out: Output, word: string | undefined): Promise<void> {
    const wanted = word !== undefined && word in FILES ? [word] : Object.keys(FILES)
    for (const name of wanted) (await FILES[name]?.())?.register(program, out)
  },
}
