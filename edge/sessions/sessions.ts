import { randomBytes } from 'node:crypto'
import { type DpopTarget, renewTarget, type VerifiedDpop, verifyDpop } from '../../identity/dpop.ts'
import { IdentityError } from '../../identity/error.ts'
import type { Person } from '../../identity/person.ts'
import { type Audit, makeAudit } from '../audit.ts'
import type { Store } from '../store/store.ts'
import type { Issuers } from './issuers.ts'
import { spendIdToken, takeProof } from './once.ts'
import { Pointer } from './pointer.ts'
import {
  type ExchangeAsk,
  nameOf,
  type OpenedSession,
  type RenewAsk,
  type Session,
  type SessionEnd,
  SessionError,
  type Sessions,
  type SessionToken,
} from './session.ts'
import { Shelf } from './shelf.ts'
import { SessionTokens, type TokenDeps } from './tokens.ts'

export interface SessionsDeps extends TokenDeps {
  readonly store: Store
  readonly issuers: Issuers
  /** Absolute life; default 24 h. */
  readonly lifeMs?: number
}

/** @throws {StoreError}, and what `loadKeys` throws */
export async function openSessions(deps: SessionsDeps): Promise<Sessions> {
  const tokens = new SessionTokens(await deps.loadKeys(), deps)
  const listeners = { ended: new Set<EndedListener>(), changed: new Set<ChangedListener>() }
  const shelf = await Shelf.open(deps.store, deps.now, {
    ended: (session, why) => {
      for (const listener of listeners.ended) listener(session, why)
    },
    changed: (session) => {
      for (const listener of listeners.changed) listener(session)
    },
  })
  return new StoredSessions(deps, tokens, shelf, listeners)
}

type EndedListener = (session: Session, why: SessionEnd) => void
type ChangedListener = (session: Session) => void

const LIFE_MS = 24 * 3_600_000

class StoredSessions implements Sessions {
  readonly #deps: SessionsDeps
  readonly #audit: Audit
  readonly #tokens: SessionTokens
  readonly #shelf: Shelf
  readonly #listeners: { ended: Set<EndedListener>; changed: Set<ChangedListener> }

  constructor(
    deps: SessionsDeps,
    tokens: SessionTokens,
    shelf: Shelf,
    listeners: { ended: Set<EndedListener>; changed: Set<ChangedListener> },
  ) {
    this.#deps = deps
    this.#audit = makeAudit(deps.store)
    this.#tokens = tokens
    this.#shelf = shelf
    this.#listeners = listeners
  }

  async exchange(ask: ExchangeAsk): Promise<OpenedSession> {
    const { store, issuers } = this.#deps
    const proof = await this.#prove(ask.dpop, { method: 'POST', url: ask.url })
    const { person, verified } = await issuers.identify(ask.idToken)
    await takeProof(store, proof)
    const turn = await spendIdToken(store, verified, proof.thumbprint)
    const session = await this.#open(person, proof, ask.device, turn)
    const { id: sessionId } = session
    const event = { event: 'session-opened', sessionId, who: nameOf(person) } as const
    await this.#audit(event, { from: ask.from })
    return { session, ...(await this.#tokens.mint(session)) }
  }

  async renew({ sessionId, dpop, url }: RenewAsk): Promise<OpenedSession> {
    const session = await this.#renewable(sessionId, dpop, { method: 'POST', url })
    return { session, ...(await this.#tokens.mint(session)) }
  }

  async renewOverTunnel(sessionId: string, proof: string): Promise<SessionToken> {
    const target = renewTarget(this.#deps.deployment, sessionId)
    return this.#tokens.mint(await this.#renewable(sessionId, proof, target))
  }

  async authenticate(token: string): Promise<Session> {
    const { sessionId, subject, thumbprint } = await this.#tokens.verify(token)
    const session = await this.#shelf.fetch(sessionId)
    if (!session || session.person.subject !== subject) throw ended()
    if (session.deviceThumbprint !== thumbprint) throw otherDevice()
    return session
  }

  find(id: string): Session | undefined {
    return this.#shelf.find(id)
  }

  list(): Session[] {
    return this.#shelf.list()
  }

  async revoke(id: string, { by }: { readonly by: string }): Promise<boolean> {
    const session = await this.#shelf.revoke(id, by)
    if (!session) return false
    const who = nameOf(session.person)
    await this.#audit({ event: 'session-revoked', sessionId: id, who }, { by })
    return true
  }

  onEnded(listener: EndedListener): () => void {
    this.#listeners.ended.add(listener)
    return () => void this.#listeners.ended.delete(listener)
  }

  onChanged(listener: ChangedListener): () => void {
    this.#listeners.changed.add(listener)
    return () => void this.#listeners.changed.delete(listener)
  }

  close(): Promise<void> {
    return this.#shelf.close()
  }

  async #prove(dpop: string, target: DpopTarget): Promise<VerifiedDpop> {
    try {
      return await verifyDpop(dpop, target, this.#deps.now())
    } catch (error) {
      if (!(error instanceof IdentityError)) throw error
      throw new SessionError('ERR_DPOP_PROOF', error.message, { cause: error })
    }
  }

  async #renewable(id: string, dpop: string, target: DpopTarget): Promise<Session> {
    const proof = await this.#prove(dpop, target)
    const session = await this.#shelf.fetch(id)
    if (!session) throw ended()
    if (session.deviceThumbprint !== proof.thumbprint) throw otherDevice()
    await takeProof(this.#deps.store, proof)
    return session
  }

  /** The session of this person on this device: the one there is, renewed, or a new one. */
  async #open(
    person: Person,
    { publicJwk, thumbprint }: VerifiedDpop,
    deviceFacts: Session['deviceFacts'],
    turn: 'first' | 'again',
  ): Promise<Session> {
    const { store, now, lifeMs = LIFE_MS } = this.#deps
    const pointer = new Pointer(store, person, thumbprint)
    for (;;) {
      const expiresAt = now() + lifeMs
      const renewed = { person, deviceFacts, expiresAt }
      const id = await pointer.read()
      const found = id && (await this.#shelf.change(id, (old) => ({ ...old, ...renewed })))
      if (found) {
        await pointer.write(found.id, expiresAt)
        return found
      }
      // Or whoever was revoked would be back with the very token of the session that was taken away.
      if (id && turn === 'again') throw ended()
      const device = { devicePublicJwk: publicJwk, deviceThumbprint: thumbprint }
      const fresh = { id: this.#newId(), ...renewed, ...device, createdAt: now() }
      await this.#shelf.create(fresh)
      if (await pointer.write(fresh.id, expiresAt)) return fresh
      // A rival request of this device was faster: its session is the one.
      await this.#shelf.remove(fresh.id)
    }
  }

  #newId(): string {
    const { random = randomBytes } = this.#deps
    return `ses_${Buffer.from(random(12)).toString('hex')}`
  }
}

const ended = () => new SessionError('ERR_SESSION_ENDED', 'the session has ended: sign in again')

const otherDevice = () =>
  new SessionError('ERR_SESSION_OTHER_DEVICE', 'the session belongs to another device')
