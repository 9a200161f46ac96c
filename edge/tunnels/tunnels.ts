import type { ResetCode } from '../../tunnel/codes.ts'
import type { ControlMessage } from '../../tunnel/control.ts'
import type { RelayTunnel } from '../../tunnel/relay.ts'
import type { KeyAgreements } from '../flows/record.ts'

export type PeerKind = 'client' | 'connector'

/** Whose tunnel it is. */
export interface TunnelOwner {
  readonly kind: PeerKind
  /** A session's or a connector's id. */
  readonly peer: string
  /** One process of that peer: its tunnels are as good as each other. */
  readonly process: string
  /** As the end says: TLS does not tell a server. */
  readonly keyAgreement: string | undefined
}

/** Every tunnel that is up, by whose it is. */
export class Tunnels {
  readonly #maxPerPeer: number
  readonly #all = new Map<RelayTunnel, TunnelOwner>()
  readonly #ofPeer = new Map<string, Set<RelayTunnel>>()

  constructor(maxPerPeer: number) {
    this.#maxPerPeer = maxPerPeer
  }

  get size(): number {
    return this.#all.size
  }

  hasRoom(peer: string): boolean {
    return this.of(peer).length < this.#maxPerPeer
  }

  /**
   * A younger tunnel of the same process is a hint that the older ones are dead: they are asked.
   * @returns how to take it away
   */
  add(owner: TunnelOwner, tunnel: RelayTunnel): () => void {
    for (const elder of this.#siblings(owner)) elder.probe()
    const own = this.#ofPeer.get(owner.peer) ?? new Set()
    own.add(tunnel)
    this.#ofPeer.set(owner.peer, own)
    this.#all.set(tunnel, owner)
    return () => this.#remove(owner.peer, tunnel)
  }

  of(peer: string): readonly RelayTunnel[] {
    return [...(this.#ofPeer.get(peer) ?? [])]
  }

  /** Whose tunnels of that kind are up. */
  peersOf(kind: PeerKind): string[] {
    const isOfKind = (own: ReadonlySet<RelayTunnel>) =>
      [...own].some((tunnel) => this.#all.get(tunnel)?.kind === kind)
    return [...this.#ofPeer].flatMap(([peer, own]) => (isOfKind(own) ? [peer] : []))
  }

  counts(): Record<PeerKind, number> {
    const counts = { client: 0, connector: 0 }
    for (const { kind } of this.#all.values()) counts[kind]++
    return counts
  }

  /** How many tunnels of each kind were agreed on how, by their ends' own word. */
  agreements(): { readonly kind: PeerKind; readonly agreed: string; readonly tunnels: number }[] {
    const groups = Map.groupBy(this.#all.values(), ({ kind, keyAgreement: agreed = UNKNOWN }) =>
      JSON.stringify({ kind, agreed }),
    )
    const rows = [...groups].map(([key, all]) => ({ ...JSON.parse(key), tunnels: all.length }))
    return rows.sort((a, b) => b.tunnels - a.tunnels).slice(0, MOST_AGREEMENTS)
  }

  agreementsOf(client: RelayTunnel, connector: RelayTunnel): KeyAgreements {
    const [near, far] = [this.#all.get(client), this.#all.get(connector)]
    return { client: near?.keyAgreement, connector: far?.keyAgreement }
  }

  tick(now: number): void {
    for (const tunnel of [...this.#all.keys()]) tunnel.tick(now)
    for (const [tunnel, owner] of [...this.#all]) {
      if (tunnel.isInDoubt && this.#hasYounger(tunnel, owner)) tunnel.lose(SUPERSEDED)
    }
  }

  sendAll(message: ControlMessage): void {
    for (const tunnel of this.#all.keys()) tunnel.send(message)
  }

  goAwayAll(reason: string, spreadMs: number): void {
    for (const tunnel of [...this.#all.keys()]) tunnel.goAway(reason, spreadMs)
  }

  closeAll(code: ResetCode, reason: string): void {
    for (const tunnel of [...this.#all.keys()]) tunnel.close(code, reason)
  }

  /** Sets keep the order in which tunnels came. */
  #hasYounger(tunnel: RelayTunnel, owner: TunnelOwner): boolean {
    const siblings = this.#siblings(owner)
    const younger = siblings.slice(siblings.indexOf(tunnel) + 1)
    return younger.some((sibling) => !sibling.isInDoubt)
  }

  #siblings({ peer, process }: TunnelOwner): RelayTunnel[] {
    return this.of(peer).filter((tunnel) => this.#all.get(tunnel)?.process === process)
  }

  #remove(peer: string, tunnel: RelayTunnel): void {
    this.#all.delete(tunnel)
    const own = this.#ofPeer.get(peer)
    own?.delete(tunnel)
    if (own?.size === 0) this.#ofPeer.delete(peer)
  }
}

const SUPERSEDED = 'it says nothing, and a younger tunnel of its peer lives'
const UNKNOWN = 'unknown'

/** Peers may say what they like. */
const MOST_AGREEMENTS = 16
