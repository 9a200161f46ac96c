import type { DrainProgress } from '../../edge/control/status.ts'
import { EXIT, type Output } from '../output.ts'
import { followEdge } from './call.ts'
import { parseDuration, roughly } from './duration.ts'
import type { DrainFlags } from './flags.ts'

/** Follows a drain to its end, which goes on without its follower. Exit code 1 when flows were cut. */
export async function drainEdge(flags: DrainFlags, out: Output): Promise<void> {
  const deadlineMs = parseDuration(flags.deadline, '--deadline')
  const asJson = flags.json === true || !out.isTerminal
  let last: DrainProgress | undefined
  for await (const item of followEdge(flags, 'edge.drain', { deadlineMs })) {
    const progress = item as DrainProgress
    if (!last && progress.others.length === 0) out.say(warningOf(progress))
    if (asJson) out.json(progress)
    else out.line(sentenceOf(progress))
    last = progress
  }
  if (last?.state !== 'drained') out.say('the edge goes on draining')
  else if (last.flows > 0) process.exitCode = EXIT.no
}

function warningOf({ flows, leftMs, state }: DrainProgress): string {
  const cut = `${flows} ${flows === 1 ? 'flow' : 'flows'} would be cut`
  const when = state === 'drained' ? '' : ` in ${roughly(leftMs)}`
  return `no other edge is there to move to: ${cut}${when}, and come back if an edge does within 2 minutes`
}

function sentenceOf({ state, flows, moved, ended, afterMs, leftMs }: DrainProgress): string {
  const gone = `${moved} moved, ${ended} ended`
  if (state === 'drained') return `drained in ${roughly(afterMs)}: ${gone}, ${flows} cut`
  return `${flows} flows left, ${gone}, ${roughly(afterMs)} gone, ${roughly(leftMs)} left`
}
