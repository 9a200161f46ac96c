import type { Change, LogRecord } from '../store.ts'
import type { Entries } from './entries.ts'
import type { Records } from './records.ts'

const PAGE = 500

/** Changes since the cursor, told again at each of `wakes`; see Store.follow. */
export async function* followEntries(
  entries: Entries,
  { prefix, cursor }: { readonly prefix: string; readonly cursor: number },
  wakes: AsyncIterable<void>,
): AsyncIterable<Change> {
  let at = cursor
  let told = true
  for await (const _ of wakes) {
    if (entries.isLost(at)) {
      at = 0
      yield { kind: 'reset' }
    }
    const upTo = entries.revision()
    for (const page of pages((after) => entries.changes(prefix, after, upTo, PAGE), at)) {
      yield* page
      told ||= page.length > 0
    }
    at = upTo
    if (told) yield { kind: 'caught-up', revision: upTo }
    told = false
  }
}

/** Records after `after`, then each new one; see Store.tail. */
export async function* tailRecords(
  records: Records,
  log: string,
  after: number | undefined,
  wakes: AsyncIterable<void>,
): AsyncIterable<LogRecord> {
  let at = after ?? records.lastPlace(log)
  for await (const _ of wakes) {
    for (const page of pages((from) => records.read(log, { after: from, limit: PAGE }), at)) {
      yield* page
      at = page.at(-1)?.place ?? at
    }
  }
}

function* pages<T extends Change | LogRecord>(
  read: (after: number) => T[],
  from: number,
): Iterable<T[]> {
  let at = from
  for (;;) {
    const page = read(at)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    if (page.length < PAGE) return
    at = positionOf(last)
  }
}

function positionOf(item: Change | LogRecord): number {
  if ('place' in item) return item.place
  if (item.kind === 'put') return item.entry.revision
  return item.kind === 'reset' ? 0 : item.revision
}
