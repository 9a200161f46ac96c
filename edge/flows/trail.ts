import type {
  DetachedRecord,
  EndRecord,
  OpenRecord,
  RefusedRecord,
  ResumeRecord,
} from './record.ts'

/** What became of a flow after its first record; of each kind the one that counts. */
export interface Trail {
  readonly end?: EndRecord
  readonly resumed?: ResumeRecord
  readonly detached?: DetachedRecord
  /** It wanted to come back, and was told for good that it must not. */
  readonly refused?: RefusedRecord
}

export const NO_TRAIL: Trail = {}

type LaterRecord = EndRecord | ResumeRecord | DetachedRecord | RefusedRecord

/** The trails of flows whose records are read from the newest back to the first. */
export class Trails {
  readonly #trails = new Map<string, Trail>()

  follow(record: LaterRecord): void {
    const key = keyOf(record)
    this.#trails.set(key, followed(this.#trails.get(key) ?? NO_TRAIL, record))
  }

  /** What came after a flow's opening; older flows of its id have trails of their own. */
  take(opened: OpenRecord): Trail {
    const key = keyOf(opened)
    const trail = this.#trails.get(key) ?? NO_TRAIL
    this.#trails.delete(key)
    return trail
  }

  /** Flows that came back, and whose opening was not recorded or has been dropped since. */
  *orphans(): Generator<{ readonly first: ResumeRecord; readonly trail: Trail }> {
    for (const trail of this.#trails.values()) {
      if (trail.resumed) yield { first: trail.resumed, trail }
    }
  }
}

/** Never by the id alone: anybody may write another's id into an OPEN of their own. */
const keyOf = ({ flowId, session }: { flowId: string; session: string }) => `${flowId} ${session}`

/** Two edges write to one log: not the order tells which attachment is the newest, but its number. */
function followed(trail: Trail, record: LaterRecord): Trail {
  switch (record.kind) {
    case 'end':
      return trail.end ? trail : { ...trail, end: record }
    case 'resume':
      return isNewer(record, trail.resumed) ? { ...trail, resumed: record } : trail
    case 'detached':
      return isNewer(record, trail.detached) ? { ...trail, detached: record } : trail
    case 'refused':
      // What was refused before the flow last came back did not end it.
      return trail.refused || trail.resumed ? trail : { ...trail, refused: record }
  }
}

const isNewer = ({ attempt }: { attempt: number }, known: { attempt: number } | undefined) =>
  known === undefined || known.attempt < attempt
