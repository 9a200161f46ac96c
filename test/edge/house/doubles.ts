import { randomBytes } from 'node:crypto'
import type { ConnectorRecord, Connectors } from '../../../edge/enrol/connector.ts'
import {
  type Session,
  type SessionEnd,
  SessionError,
  type Sessions,
} from '../../../edge/sessions/session.ts'
import { type DeviceKey, makeDeviceKey } from '../../../identity/key.ts'
import { parsePattern } from '../../../names/pattern.ts'

/** Sessions in memory: a token is a session's id. */
export class SessionsDouble implements Partial<Sessions> {
  readonly #live = new Map<string, Session>()
  readonly #listeners = new Set<(session: Session, why: SessionEnd) => void>()

  signIn(email: string): { session: Session; key: DeviceKey } {
    const key = makeDeviceKey()
    const session: Session = {
      id: randomBytes(9).toString('hex'),
      person: { issuer: 'demo', subject: email, email, claims: {} },
      devicePublicJwk: key.publicJwk,
      deviceThumbprint: key.thumbprint,
      deviceFacts: {},
      createdAt: Date.now(),
      expiresAt: Date.now() + 3_600_000,
    }
    this.#live.set(session.id, session)
    return { session, key }
  }

  async authenticate(token: string): Promise<Session> {
    const session = this.#live.get(token)
    if (session) return session
    throw new SessionError('ERR_SESSION_ENDED', 'the session has ended')
  }

  find(id: string): Session | undefined {
    return this.#live.get(id)
  }

  list(): Session[] {
    return [...this.#live.values()]
  }

  async revoke(id: string): Promise<boolean> {
    const session = this.#live.get(id)
    this.#live.delete(id)
    if (session) for (const told of this.#listeners) told(session, 'session-revoked')
    return session !== undefined
  }

  /** How many renewals were begun; none succeeds. */
  renewals = 0

  async renewOverTunnel(): Promise<never> {
    this.renewals++
    throw new SessionError('ERR_DPOP_PROOF', 'not a proof')
  }

  /** Its time is up, and nobody is told. */
  expire(id: string): void {
    this.#live.delete(id)
  }

  onEnded(listener: (session: Session, why: SessionEnd) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  onChanged(): () => void {
    return () => undefined
  }
}

/** Connectors in memory. */
export class ConnectorsDouble implements Partial<Connectors> {
  readonly #records = new Map<string, ConnectorRecord>()
  readonly #listeners = new Set<(record: ConnectorRecord) => void>()

  enrol(name: string, grants: readonly string[]): { record: ConnectorRecord; key: DeviceKey } {
    const key = makeDeviceKey()
    const record: ConnectorRecord = {
      id: `${name}-${randomBytes(4).toString('hex')}`,
      name,
      grants: grants.map(parsePattern),
      publicJwk: key.publicJwk,
      enrolledAt: Date.now(),
    }
    this.#put(record)
    return { record, key }
  }

  find(id: string): ConnectorRecord | undefined {
    return this.#records.get(id)
  }

  async fetch(id: string): Promise<ConnectorRecord | undefined> {
    return this.#records.get(id)
  }

  list(): ConnectorRecord[] {
    return [...this.#records.values()]
  }

  async revoke(id: string): Promise<boolean> {
    const record = this.#records.get(id)
    if (record) this.#put({ ...record, revokedAt: Date.now() })
    return record !== undefined
  }

  onChanged(listener: (record: ConnectorRecord) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #put(record: ConnectorRecord): void {
    this.#records.set(record.id, record)
    for (const told of this.#listeners) told(record)
  }
}
