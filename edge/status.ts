import type { Readiness } from '../process/health.ts'
import type { EdgeRow, EdgeStatus } from './control/status.ts'
import type { Drain } from './drain.ts'
import type { PolicyFile } from './policy-file.ts'
import type { Roster } from './roster.ts'
import type { EdgeSettings } from './settings.ts'
import type { EdgeState } from './state.ts'
import type { Switchboard } from './switchboard.ts'

export interface StatusParts {
  readonly settings: EdgeSettings
  readonly url: string
  readonly version: string
  readonly startedAt: number
  readonly state: EdgeState
  readonly policy: PolicyFile
  readonly board: Switchboard
  readonly roster: Roster
  readonly drain: Drain
  readonly healthUrl?: string | undefined
  readonly now: () => number
}

/** The gate lets nobody in on an older view of the store (edge/gate.ts). */
const BLIND_MS = 10_000

/** Whether the edge can serve: it has a policy, and its store answers. */
export function readinessOf({ state, policy, drain, now }: StatusParts): Readiness {
  if (drain.isDraining) return { ok: false, why: 'it is draining' }
  if (now() - state.store.lastReadAt() > BLIND_MS)
    return { ok: false, why: 'the store is not read' }
  if (policy.status.source === 'none') return { ok: false, why: 'no policy is in force' }
  return { ok: true }
}

export function statusOf(parts: StatusParts): EdgeStatus {
  const { settings, url, version, startedAt, state, policy, board, drain, healthUrl } = parts
  const { name, tlsEndsBeforeEdge, requirePostQuantum: requiresPostQuantum } = settings
  const { ok, why } = readinessOf(parts)
  return {
    schema: 1,
    ...{ name, url, version, startedAt, tlsEndsBeforeEdge, requiresPostQuantum },
    pid: process.pid,
    deployment: state.deployment,
    isReady: ok,
    isDraining: drain.isDraining,
    edges: parts.roster.list().map(edgeRow),
    keyAgreementsReported: board.tunnels.agreements(),
    ...(why === undefined ? {} : { notReady: why }),
    ...(healthUrl === undefined ? {} : { healthUrl }),
    policy: policy.status,
    zones: board.registry.zones(),
    tunnels: board.tunnels.counts(),
    sessions: state.sessions.list().length,
    flows: {
      live: board.gate.liveCount,
      waiting: board.heldCount,
      lostRecords: board.flows.lost,
    },
  }
}

function edgeRow({ name, url, state, startedAt, at, isFresh }: KnownEdge): EdgeRow {
  const isSilent = !isFresh && state !== 'stopped'
  return { name, url, state: isSilent ? 'silent' : state, startedAt, at }
}

type KnownEdge = ReturnType<Roster['list']>[number]
