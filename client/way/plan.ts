/** One tunnel, as far as it matters for what is done about it. */
export interface TunnelView {
  readonly edgeUrl: string
  /** When it was ready. */
  readonly since: number
  /** It takes new flows. */
  readonly isOpen: boolean
  readonly flowCount: number
  /** Its flows can go on over another one (SPEC.md §7). */
  readonly canResume: boolean
  /** Since when nothing is heard though something waits. */
  readonly doubtedAt: number | undefined
  /** The edge drains: its flows are moved from then on. */
  readonly moveAt: number | undefined
}

/** What is to be done now. */
export type Step<Tunnel> =
  | { readonly kind: 'move'; readonly from: Tunnel; readonly to: Tunnel }
  | { readonly kind: 'resume'; readonly on: Tunnel }
  | { readonly kind: 'lose'; readonly tunnel: Tunnel; readonly reason: string }
  | { readonly kind: 'close'; readonly tunnel: Tunnel; readonly reason: string }

export interface Situation<Tunnel extends TunnelView> {
  /** Oldest first. */
  readonly tunnels: readonly Tunnel[]
  readonly now: number
  readonly detached: number
  /** Edges that could not take detached flows back, lately. */
  readonly strandedAt: ReadonlySet<string>
}

/** In doubt for so long beside one that is not: it is lost, or OPENs without an answer would wait on. */
const DOUBTED_MS = 6_000
/** A tunnel that nobody needs stays while the one that took its place is this young. */
const SPARE_MS = 10_000

/** The one that new flows are opened on: the youngest that is well. */
export function bestOf<Tunnel extends TunnelView>(tunnels: readonly Tunnel[]): Tunnel | undefined {
  return tunnels.findLast(isWell)
}

/** Whether another tunnel is wanted beside those there are. `edges`: all that are known. */
export function wantsAnother<Tunnel extends TunnelView>(
  { tunnels, strandedAt, detached }: Situation<Tunnel>,
  edges: readonly string[],
): boolean {
  const well = tunnels.filter(isWell)
  if (well.length === 0) return true
  if (detached === 0 || strandedAt.size === 0) return false
  const isThere = well.some(({ edgeUrl }) => !strandedAt.has(edgeUrl))
  return !isThere && edges.some((edge) => !strandedAt.has(edge))
}

/** Edges that are dialled only when there is no other. */
export function edgesToAvoid<Tunnel extends TunnelView>({
  tunnels,
  strandedAt,
}: Situation<Tunnel>): ReadonlySet<string> {
  return new Set([...tunnels.map(({ edgeUrl }) => edgeUrl), ...strandedAt])
}

export function stepsFor<Tunnel extends TunnelView>(situation: Situation<Tunnel>): Step<Tunnel>[] {
  const { tunnels, detached } = situation
  const best = bestOf(tunnels)
  const steps = tunnels.map((tunnel) => stepOf(tunnel, best, situation))
  if (detached > 0 && best) steps.push({ kind: 'resume', on: carrierOf(situation) ?? best })
  return steps.filter((step) => step !== undefined)
}

function stepOf<Tunnel extends TunnelView>(
  tunnel: Tunnel,
  best: Tunnel | undefined,
  { now }: Situation<Tunnel>,
): Step<Tunnel> | undefined {
  const { moveAt, doubtedAt, flowCount, canResume } = tunnel
  if (moveAt !== undefined && flowCount === 0) return { kind: 'close', tunnel, reason: 'drained' }
  if (best === undefined || tunnel === best) return undefined
  if (doubtedAt !== undefined && canResume) return ofDoubted(tunnel, best, now - doubtedAt)
  if (moveAt !== undefined) return canResume && now >= moveAt ? moved(tunnel, best) : undefined
  const isSpare = flowCount === 0 && doubtedAt === undefined && now - best.since >= SPARE_MS
  return isSpare ? { kind: 'close', tunnel, reason: 'another tunnel has taken over' } : undefined
}

function ofDoubted<Tunnel extends TunnelView>(
  tunnel: Tunnel,
  best: Tunnel,
  doubtedMs: number,
): Step<Tunnel> {
  if (doubtedMs < DOUBTED_MS) return moved(tunnel, best)
  return { kind: 'lose', tunnel, reason: 'nothing came from the edge, and another tunnel stands' }
}

/** Where detached flows are asked for: not where they were not taken, if there is another. */
function carrierOf<Tunnel extends TunnelView>({ tunnels, strandedAt }: Situation<Tunnel>) {
  return tunnels.findLast((tunnel) => isWell(tunnel) && !strandedAt.has(tunnel.edgeUrl))
}

const isWell = ({ isOpen, doubtedAt }: TunnelView) => isOpen && doubtedAt === undefined

const moved = <Tunnel>(from: Tunnel, to: Tunnel): Step<Tunnel> => ({ kind: 'move', from, to })
