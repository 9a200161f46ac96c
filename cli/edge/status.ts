import type { EdgeRow, EdgeStatus } from '../../edge/control/status.ts'
import type { PolicyStatus } from '../../edge/policy-file.ts'
import { formatProblem } from '../../process/yaml.ts'
import { EXIT, type Output, plainText } from '../output.ts'
import { callEdge } from './call.ts'
import { roughly } from './duration.ts'
import type { ShowFlags } from './flags.ts'
import type { EdgePlaces } from './socket.ts'

/** Exit code 1 when the edge cannot serve, or serves another policy than its file. */
export async function showStatus(flags: ShowFlags, out: Output, now: number): Promise<void> {
  const status = await callEdge<EdgeStatus>(flags, 'status')
  if (flags.json) out.json(status)
  else printStatus(status, out, now)
  if (!status.isReady || status.policy.problems.length > 0) process.exitCode = EXIT.no
}

export async function reloadPolicy(flags: EdgePlaces, out: Output): Promise<void> {
  const policy = await callEdge<PolicyStatus>(flags, 'policy.reload')
  out.line(sentenceOf(policy))
  sayProblems(policy, out)
  if (policy.problems.length > 0) process.exitCode = EXIT.no
}

function printStatus(status: EdgeStatus, out: Output, now: number): void {
  const { name, url, tunnels, sessions, flows, policy } = status
  const ready = status.isReady ? 'ready' : `not ready: ${status.notReady ?? 'no reason'}`
  out.line(`edge ${name} at ${url}, up ${roughly(now - status.startedAt)}, ${ready}`)
  out.line(`policy: ${sentenceOf(policy)}`)
  out.line(`zones: ${status.zones.join(', ') || 'none'}`)
  out.line(
    `${tunnels.connector} connector tunnels, ${tunnels.client} client tunnels, ${sessions} sessions, ${flows.live} flows`,
  )
  out.line(`key agreement (as peers report): ${agreementsOf(status)}`)
  for (const edge of status.edges) if (edge.name !== name) out.line(edgeLine(edge, now))
  sayProblems(policy, out)
  if (flows.lostRecords > 0) out.say(`${flows.lostRecords} flow records could not be kept`)
  if (status.tlsEndsBeforeEdge) out.say('TLS ends before the edge: proofs are not bound to it')
}

function agreementsOf({ keyAgreementsReported, requiresPostQuantum }: EdgeStatus): string {
  const groups = keyAgreementsReported.map(
    ({ kind, agreed, tunnels }) => `${agreed} ${tunnels} ${kind}${tunnels === 1 ? '' : 's'}`,
  )
  const required = requiresPostQuantum ? ', post-quantum is required' : ''
  return plainText((groups.join(', ') || 'no tunnels') + required)
}

const edgeLine = ({ name, url, state, at }: EdgeRow, now: number) =>
  `edge ${name} at ${url}: ${state}${state === 'running' ? '' : ` since ${roughly(now - at)}`}`

function sentenceOf({ file, source, rules }: PolicyStatus): string {
  if (file === undefined) return 'none, so nobody reaches anything'
  switch (source) {
    case 'none':
      return `none in force (${file}), so nobody reaches anything`
    case 'file':
      return `${count(rules)} of ${file}`
    case 'last-good':
      return `${count(rules)}, an older text of ${file}`
  }
}

function sayProblems({ problems }: PolicyStatus, out: Output): void {
  if (problems.length > 0) out.say('the policy file as it is now is refused:')
  for (const problem of problems) out.say(formatProblem(problem))
}

const count = (rules: number) => (rules === 1 ? '1 rule' : `${rules} rules`)
