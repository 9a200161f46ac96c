import type { Command } from 'commander'
import { EXIT, type Output } from '../output.ts'
import type { ExplainFlags } from './policy-explain.ts'

/** `byname policy check|explain`: what a policy file says, without an edge. */
export function register(program: Command, out: Output): void {
  const policy = program
    .command('policy')
    .description('Check and explain a policy file.')
    .addHelpText('after', '\nExample:\n  $ byname policy check policy.yaml')
  addCheck(policy, out)
  addExplain(policy, out)
}

function addCheck(policy: Command, out: Output): void {
  policy
    .command('check')
    .description('Read a policy file, resolve it and run its tests.')
    .argument('<file>', 'the policy file, or - for standard input')
    .option('--json', 'print one JSON document')
    .addHelpText('after', CHECK_HELP)
    .action(async (file: string, options: { json?: true }) => {
      const { checkFile } = await import('./policy-check.ts')
      process.exitCode = checkFile(file, options.json === true, out)
    })
}

function addExplain(policy: Command, out: Output): void {
  policy
    .command('explain')
    .description('Say what a policy file answers somebody, and why, rule by rule.')
    .argument('<who>', 'alice@example.com, service:ci or network:branch')
    .argument('<target>', 'wiki.corp.internal:443, or ns.corp.internal:udp/53')
    .requiredOption('--file <file>', 'the policy file, or - for standard input')
    .option('--with <claim=value>', 'a claim that holds; may be repeated', collect, [])
    .option('--no-other-claims', 'claims that are not given are absent, not unknown')
    .option('--all', 'also print rules for other names')
    .option('--json', 'print one JSON document')
    .addHelpText('after', EXPLAIN_HELP)
    .action(async (who: string, target: string, options: ExplainFlags) => {
      const { explainFile } = await import('./policy-explain.ts')
      process.exitCode = explainFile({ who, target, ...options }, out)
    })
}

const collect = (value: string, before: readonly string[]) => [...before, value]

const CHECK_HELP = `
Exit codes: ${EXIT.ok} accepted, ${EXIT.no} a test of the file fails, ${EXIT.usage} the file is refused.

Example:
  $ byname policy check policy.yaml`

const EXPLAIN_HELP = `
Exit codes: ${EXIT.ok} allowed, ${EXIT.no} denied or not decided, ${EXIT.usage} the file is refused.

Examples:
  $ byname policy explain bob@example.com wiki.corp.internal:443 --file policy.yaml
  $ byname policy explain fay@example.com git.corp.internal:22 --file policy.yaml \\
    --with okta/groups=engineering`
