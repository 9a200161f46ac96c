import type { Person } from '../identity/person.ts'
import type { Requester } from '../policy/requester.ts'
import type { Standing } from './gate/verdict.ts'
import type { Session, SessionEnd, Sessions } from './sessions/session.ts'

/** Why recent sessions ended is kept of so many: enough for whoever comes back with an old token. */
const MAX_REMEMBERED = 10_000

/**
 * Who is behind a session, now. One requester object a session and state of its claims: the policy
 * keeps by that object what it found out about it.
 */
export class People {
  readonly #sessions: Pick<Sessions, 'find'>
  readonly #requesters = new WeakMap<Session, Requester>()
  readonly #ended = new Map<string, SessionEnd>()

  constructor(sessions: Pick<Sessions, 'find'>) {
    this.#sessions = sessions
  }

  standing(sessionId: string): Standing {
    const session = this.#sessions.find(sessionId)
    if (session) return { kind: 'good', who: this.requester(session) }
    const code = this.#ended.get(sessionId) ?? 'session-revoked'
    return { kind: 'ended', code, reason: REASON[code] }
  }

  requester(session: Session): Requester {
    const known = this.#requesters.get(session)
    if (known) return known
    const requester = requesterOf(session.person)
    this.#requesters.set(session, requester)
    return requester
  }

  /** Remembers why, so that a cut says so; what is said first stays. */
  ended(sessionId: string, code: SessionEnd): void {
    if (this.#ended.has(sessionId)) return
    this.#ended.set(sessionId, code)
    if (this.#ended.size <= MAX_REMEMBERED) return
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      break
    }
  }
}

const REASON: Record<SessionEnd, string> = {
  'session-revoked': 'the session was ended',
  'session-expired': 'the session has expired',
}

function requesterOf({ issuer, subject, email, claims }: Person): Requester {
  const byIssuer = new Map([[issuer, claims]])
  return { kind: 'person', issuer, subject, email, claims: byIssuer }
}
