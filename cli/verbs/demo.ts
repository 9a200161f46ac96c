import path from 'node:path'
import type { Command } from 'commander'
import type { Output } from '../output.ts'

/** `byname demo` (`npm start`): the main job, for real, on one machine. */
export function register(program: Command, out: Output): void {
  program
    .command('demo')
    .description(
      'Show the main job on this machine: an edge, a connector, private apps, two people.',
    )
    .option('--check', 'do the job, exit 0 only if everything came out as it must')
    .addHelpText('after', '\nExample:\n  $ byname demo --check')
    .action(async ({ check = false }: { check?: boolean }) => {
      const { runDemo } = await import('../demo/main.ts')
      const home = process.env.BYNAME_HOME ?? path.resolve(import.meta.dirname, '../..')
      await runDemo({ home, check }, out)
    })
}
