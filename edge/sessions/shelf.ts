import { isDeepStrictEqual } from 'node:util'
import { Mirror } from '../store/mirror.ts'
import type { Entry, Json, Store } from '../store/store.ts'
import { encodeRecord, parseRecord, SESSIONS, type SessionRecord } from './record.ts'
import type { Session, SessionEnd } from './session.ts'

export interface ShelfListeners {
  readonly ended: (session: Session, why: SessionEnd) => void
  readonly changed: (session: Session) => void
}

/** Session records: kept in the store, held in memory, every end and change of them noticed once. */
export class Shelf {
  readonly #store: Store
  readonly #now: () => number
  readonly #mirror: Mirror<SessionRecord>

  private constructor(store: Store, now: () => number, mirror: Mirror<SessionRecord>) {
    this.#store = store
    this.#now = now
    this.#mirror = mirror
  }

  static async open(store: Store, now: () => number, listeners: ShelfListeners): Promise<Shelf> {
    const notice = (before?: SessionRecord, after?: SessionRecord) =>
      tell(before, after, listeners, now())
    return new Shelf(store, now, await Mirror.open(store, SESSIONS, parseRecord, notice))
  }

  /** A live session, from memory. */
  find(id: string): Session | undefined {
    return this.#live(this.#mirror.get(id))
  }

  list(): Session[] {
    return this.#mirror.values().flatMap((record) => this.#live(record) ?? [])
  }

  /** A live session, from the store when memory has none: it may have begun at another edge just now. */
  async fetch(id: string): Promise<Session | undefined> {
    return this.find(id) ?? this.#live(await this.#read(id))
  }

  /** Keeps a new session. Its id is random: that it is taken would be a bug. */
  async create(session: Session): Promise<void> {
    const { id, expiresAt } = session
    const [key, value] = [SESSIONS + id, encodeRecord(session)]
    const result = await this.#store.create(key, value, { expiresAt })
    if (!this.#applied(key, value, result)) throw new Error(`session ${id} is there already`)
  }

  /** Takes a session back that nobody was told of. */
  async remove(id: string): Promise<void> {
    await this.#store.delete(SESSIONS + id)
  }

  /** Keeps what `change` makes of a live session; tries again when a rival was faster. */
  async change(id: string, change: (session: Session) => Session): Promise<Session | undefined> {
    for (;;) {
      const record = await this.#read(id)
      const session = this.#live(record)
      if (!record || !session) return undefined
      const changed = change(session)
      if (await this.#update(changed, record.revision, encodeRecord(changed))) return changed
    }
  }

  /** Marks a live session as revoked and returns it. */
  async revoke(id: string, by: string): Promise<Session | undefined> {
    for (;;) {
      const record = await this.#read(id)
      const session = this.#live(record)
      if (!record || !session) return undefined
      const value = encodeRecord(session, { at: this.#now(), by })
      if (await this.#update(session, record.revision, value)) return session
    }
  }

  close(): Promise<void> {
    return this.#mirror.close()
  }

  async #read(id: string): Promise<SessionRecord | undefined> {
    const entry = await this.#store.get(SESSIONS + id)
    if (!entry) return undefined
    this.#mirror.apply(entry)
    return parseRecord(entry)
  }

  async #update({ id, expiresAt }: Session, revision: number, value: Json): Promise<boolean> {
    const key = SESSIONS + id
    const result = await this.#store.update(key, value, revision, { expiresAt })
    return this.#applied(key, value, result)
  }

  #applied(key: string, value: Json, result: Awaited<ReturnType<Store['create']>>): boolean {
    if (result.kind === 'conflict') return false
    const entry: Entry = { key, value, revision: result.revision }
    this.#mirror.apply(entry)
    return true
  }

  #live(record: SessionRecord | undefined): Session | undefined {
    if (!record || record.revokedAt !== undefined) return undefined
    return record.session.expiresAt > this.#now() ? record.session : undefined
  }
}

function tell(
  before: SessionRecord | undefined,
  after: SessionRecord | undefined,
  listeners: ShelfListeners,
  now: number,
): void {
  if (!before || before.revokedAt !== undefined) return
  if (after?.revokedAt !== undefined) listeners.ended(before.session, 'session-revoked')
  else if (!after) listeners.ended(before.session, endOf(before.session, now))
  else if (isOther(before.session, after.session)) listeners.changed(after.session)
}

/** A record that is gone before its time was taken away by somebody. */
const endOf = ({ expiresAt }: Session, now: number): SessionEnd =>
  expiresAt <= now ? 'session-expired' : 'session-revoked'

const isOther = (before: Session, after: Session) =>
  !isDeepStrictEqual(
    [before.person, before.deviceFacts, before.expiresAt],
    [after.person, after.deviceFacts, after.expiresAt],
  )
