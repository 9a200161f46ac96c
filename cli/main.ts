import { Command, CommanderError } from 'commander'
import { EXIT, failureOf, makeOutput } from './output.ts'
import { VERBS } from './verbs/index.ts'

const out = makeOutput(process)
const program = new Command('byname')
  .description('Reach any app by its name: publish, reach and govern private apps by hostname.')
  .version(process.env.BYNAME_VERSION ?? '0.1.0')
  .exitOverride()
  .enablePositionalOptions()
  .configureOutput({ writeErr: (text) => void process.stderr.write(text) })

try {
  await VERBS.register(program, out, process.argv[2])
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  out.fail(failureOf(error))
  const code = (error as { exitCode?: number }).exitCode
  return code ?? EXIT.no
}
