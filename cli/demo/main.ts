import { existsSync } from 'node:fs'
import path from 'node:path'
import { callControl } from '../../process/control.ts'
import { onShutdown } from '../../process/signals.ts'
import { EXIT, type Output } from '../output.ts'
import { doJob, type Outcome } from './job.ts'
import { chooseOnRamp } from './on-ramp.ts'
import { type Stage, setStage } from './stage.ts'

export interface DemoOptions {
  /** Where `.byname/` is: the clone. */
  readonly home: string
  /** Do the job, check everything, and exit. */
  readonly check: boolean
}

/**
 * The main job in front of a newcomer: sets the stage in processes of their own, does the job, then
 * stays up, or with `check` ends with 0 only if everything came out as it must.
 */
export async function runDemo({ home, check }: DemoOptions, out: Output): Promise<void> {
  const startedAt = performance.now()
  if (await isUp(home)) throw new AlreadyUp()
  let stage: Stage | undefined
  const stop = onShutdown(async () => {
    out.say('\nbyname: ending the demo')
    await stage?.close()
    return check ? EXIT.interrupted : EXIT.ok
  })
  out.line('byname demo: an edge, a connector and private apps on this machine, for real\n')
  stage = await setStage(home, (text) => out.line(`  ${text}`))
  const wrong = await showJob(stage, out)
  if (!check) {
    stayUp(stage, out)
    return
  }
  stop()
  wrong.push(...(await strike(stage)))
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  for (const one of wrong) out.line(`WRONG  ${one}`)
  out.line(wrong.length === 0 ? `everything came out as it must, in ${seconds} s` : '')
  process.exitCode = wrong.length === 0 ? EXIT.ok : EXIT.no
}

/** Whether the edge of a demo answers. */
function isUp(home: string): Promise<boolean> {
  const socket = path.join(home, '.byname', 'edge', 'edge.sock')
  return callControl(socket, 'status', {}).then(
    () => true,
    () => false,
  )
}

class AlreadyUp extends Error {
  readonly code = 'ERR_DEMO_RUNNING'
  readonly why = 'its edge answers in .byname/'
  readonly fix = 'stop the other one with Ctrl-C'
  readonly exitCode = EXIT.usage
  constructor() {
    super('the demo is up already')
  }
}

async function showJob(stage: Stage, out: Output): Promise<string[]> {
  const onRamp = await chooseOnRamp(stage.place)
  if (onRamp.instead) out.line(`\n  (through the proxy on-ramp, because: ${onRamp.instead})`)
  const wrong: string[] = []
  const hasDatabase = stage.databaseLeftOut === undefined && onRamp.instead === undefined
  for await (const outcome of doJob(stage.place, onRamp, hasDatabase)) {
    show(outcome, out)
    if (outcome.wrong !== undefined) wrong.push(`${outcome.title}: ${outcome.wrong}`)
  }
  return wrong
}

function show({ title, typed, lines, wrong }: Outcome, out: Output): void {
  out.line(`\n${wrong === undefined ? '✔' : '✘'} ${title}\n  $ ${typed}`)
  for (const line of lines) out.line(`  ${line}`)
  if (wrong !== undefined) out.line(`  WRONG: ${wrong}`)
}

function stayUp({ databaseLeftOut, place }: Stage, out: Output): void {
  const database =
    databaseLeftOut === undefined
      ? '\n  npx byname run --profile alice -- psql -h db.corp.internal -U demo postgres'
      : ''
  out.line(`
The demo stays up. By hand, in another terminal, from this directory:

  npx byname run --profile alice -- curl http://wiki.corp.internal/
  npx byname run --profile bob   -- curl http://wiki.corp.internal/${database}
  npx byname run --profile alice -- bash              (everything in it goes by name)
  npx byname flow watch --state .byname/edge          (who reaches what, as it happens)

The policy is .byname/edge/policy.yaml: edit it, it counts at once. Logs: ${place.log}
Ctrl-C ends everything.`)
}

/** Ends the stage and sees that nothing of it is left. */
async function strike(stage: Stage): Promise<string[]> {
  const killed = await stage.close()
  const { edgeState, apps } = stage.place
  const left = [path.join(edgeState, 'edge.sock'), path.join(apps, 'wiki.sock')].filter(existsSync)
  return [
    ...killed.map((name) => `${name} did not end when told to`),
    ...left.map((file) => `${file} was left behind`),
  ]
}
