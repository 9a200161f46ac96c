import { compile } from '../../policy/compile.ts'
import { ANY_WORLD, type PolicyRequest } from '../../policy/decision.ts'
import type { PolicyDocument } from '../../policy/document.ts'
import { type Explanation, explain, formatExplanation } from '../../policy/explain.ts'
import { parsePolicy } from '../../policy/parse.ts'
import { readDestination } from '../../policy/read/tests.ts'
import { suppose } from '../../policy/suppose.ts'
import { ConfigError, formatProblem } from '../../process/yaml.ts'
import { EXIT, type Output } from '../output.ts'
import { nameOf, readPolicyFile } from './policy-check.ts'

/** The options as the command line gives them. */
export interface ExplainFlags {
  readonly file: string
  readonly with: readonly string[]
  readonly otherClaims: boolean
  readonly all?: true
  readonly json?: true
}

export interface ExplainArguments extends ExplainFlags {
  readonly who: string
  readonly target: string
}

/** Explains what a file answers and prints it; gives the exit code. */
export function explainFile(args: ExplainArguments, out: Output): number {
  const text = readPolicyFile(args.file, out)
  const document = text === undefined ? undefined : readDocument(text, nameOf(args.file), out)
  if (!document) return EXIT.usage
  const request = requestOf(document, args, out)
  if (!request) return EXIT.usage
  const explanation = explain(compile(document), request, ANY_WORLD)
  if (args.json) out.json(jsonOf(explanation, args))
  else out.line(formatExplanation(explanation, document.file, { all: args.all === true }))
  return explanation.decision.kind === 'allow' ? EXIT.ok : EXIT.no
}

function readDocument(text: string, file: string, out: Output): PolicyDocument | undefined {
  try {
    return parsePolicy(text, file)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) out.say(formatProblem(problem, text))
    out.fail({ what: `${file} is refused`, fix: `byname policy check ${file}`, code: error.code })
    return undefined
  }
}

function requestOf(
  document: PolicyDocument,
  { who, target, with: claims, otherClaims }: ExplainArguments,
  out: Output,
): PolicyRequest | undefined {
  const destination = readDestination(target)
  if (!destination) {
    const fix = 'write wiki.corp.internal:443, or ns.corp.internal:udp/53'
    return refuse(out, `${JSON.stringify(target)} is not a host and a port`, fix)
  }
  const others = otherClaims ? 'unknown' : 'absent'
  const supposed = suppose(document, { who, claims, others })
  if (supposed.kind === 'not-understood') return refuse(out, supposed.message)
  return { who: supposed.requester, ...destination, now: Date.now() }
}

function refuse(out: Output, what: string, fix?: string): undefined {
  out.fail({ what, fix, code: 'ERR_USAGE' })
}

function jsonOf({ request, decision, answer, rules }: Explanation, { who }: ExplainArguments) {
  const { name, port, protocol } = request
  return { schema: 1, who, name, port, protocol, decision, answer, rules }
}
