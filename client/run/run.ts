import type { Command } from './command.ts'
import { type Connections, catchConnections } from './connections.ts'
import {
  type Enclosure,
  EnclosureError,
  type Ending,
  enclose,
  type InnerSockets,
} from './enclosure.ts'
import { lookAtHost } from './host.ts'
import { passSignalsOn } from './signals.ts'
import { leaveStreamsAlone } from './streams.ts'
import type { World } from './world.ts'

export interface RunOptions {
  readonly command: Command
  /** Called while the namespaces are being made, so that neither waits for the other. */
  readonly openWorld: (host: { readonly hasIpv6: boolean }) => Promise<World>
  /** Told when each step is over (`--timing`). */
  readonly onStep?: (step: RunStep) => void
}

export type RunStep = 'node' | 'namespaces' | 'way' | 'program' | 'end'

/**
 * Runs a program in namespaces of its own, where every TCP connection and every DNS question goes
 * through byname; resolves with how it ended.
 * @rejects {NamespacesForbidden} where the kernel refuses, and with what `openWorld` rejects with; the
 *   program has then not begun
 */
export async function run({ command, openWorld, onStep = () => {} }: RunOptions): Promise<Ending> {
  leaveStreamsAlone()
  const host = lookAtHost()
  const enclosure = enclose(host)
  const stopSignals = passSignalsOn(enclosure.signal)
  const note = (step: RunStep) => () => onStep(step)
  enclosure.sockets.then(note('namespaces'), () => {})
  try {
    const opening = openWorld(host)
    opening.then(note('way'), () => {})
    const ready = await readiness(enclosure, opening)
    if (ready.kind === 'ended') return ready.ending
    const { world, inner } = ready
    const { followHostPorts } = await import('./follow-ports.ts')
    const stopPorts = followHostPorts({ pid: enclosure.pid, ...inner }, host.families)
    const connections = catchConnections(inner.tcp, world)
    for (const socket of inner.udp) world.takeQuestions(socket)
    enclosure.release({ kind: 'go', ...command })
    onStep('program')
    const ending = await enclosure.ended
    stopPorts()
    await finish(connections, world)
    return ending
  } finally {
    stopSignals()
  }
}

type Readiness =
  | { readonly kind: 'ready'; readonly world: World; readonly inner: InnerSockets }
  /** By a signal, before there was a program: ^C, say. */
  | { readonly kind: 'ended'; readonly ending: Ending }

async function readiness(enclosure: Enclosure, opening: Promise<World>): Promise<Readiness> {
  const both = Promise.all([opening, enclosure.sockets])
  try {
    const first = await Promise.race([both, enclosure.ended])
    if ('kind' in first && first.kind === 'signal') {
      enclosure.abort()
      return abandon(opening, first)
    }
    const [world, inner] = await both
    return { kind: 'ready', world, inner }
  } catch (error) {
    enclosure.abort()
    abandon(opening)
    throw await explained(error)
  }
}

async function explained(error: unknown): Promise<unknown> {
  if (!(error instanceof EnclosureError)) return error
  const { explain, NamespacesForbidden } = await import('./forbidden.ts')
  const { readKernelSettings } = await import('./kernel-settings.ts')
  return new NamespacesForbidden(explain(error, readKernelSettings()))
}

function abandon(opening: Promise<World>, ending: Ending = KILLED): Readiness {
  void opening.then((world) => world.close()).catch(() => {})
  return { kind: 'ended', ending }
}

const KILLED: Ending = { kind: 'signal', signal: 'SIGKILL' }

async function finish(connections: Connections, world: World): Promise<void> {
  const { linger } = await import('./linger.ts')
  const look = () => ({
    open: Math.max(connections.count, world.flows),
    ending: connections.ending + Math.max(0, world.flows - connections.count),
    bytesFromProgram: connections.bytesFromProgram,
  })
  await linger(look, Date.now)
  connections.close()
  await world.close()
}
