import { Command, CommanderError } from 'commander'
import { exitCodeOf } from './exit.ts'
import { EXIT, failureOf, makeOutput } from './output.ts'
import { usageFailure } from './usage.ts'
import { VERBS } from './verbs/index.ts'

const out = makeOutput(process)
const program = new Command('byname')
  .description('Reach any app by its name: publish, reach and govern private apps by hostname.')
  .version(process.env.BYNAME_VERSION ?? '0.1.0', '-v, --version', 'show the version')
  .addHelpText('after', '\nExample:\n  $ byname run -- curl http://wiki.corp.internal/')
  .exitOverride()
  .enablePositionalOptions()
  .configureOutput({
    writeOut: out.write,
    writeErr: (text) => void process.stderr.write(text),
    outputError: () => {},
  })

try {
  await VERBS.register(program, out, process.argv[2])
  await program.parseAsync()
} catch (error) {
  process.exitCode = error instanceof CommanderError ? slip(error) : fail(error)
}

/** Help and version come as errors, too, and have been printed by then. */
function slip(error: CommanderError): number {
  const failure = usageFailure(error, program, process.argv.slice(2))
  if (failure) out.fail(failure)
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage
}

function fail(error: unknown): number {
  out.fail(failureOf(error))
  return exitCodeOf(error)
}
