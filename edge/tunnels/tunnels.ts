import type { ResetCode } from '../../tunnel/codes.ts'
import type { RelayTunnel } from '../../tunnel/relay.ts'

export type PeerKind = 'client' | 'connector'

/** Every tunnel that is up, by whose it is: a session's or a connector's id. */
export class Tunnels {
  readonly #maxPerPeer: number
  readonly #all = new Map<RelayTunnel, PeerKind>()
  readonly #ofPeer = new Map<string, Set<RelayTunnel>>()

  constructor(maxPerPeer: number) {
    this.#maxPerPeer = maxPerPeer
  }

  hasRoom(peer: string): boolean {
    return this.of(peer).length < this.#maxPerPeer
  }

  /** @returns how to take it away */
  add(kind: PeerKind, peer: string, tunnel: RelayTunnel): () => void {
    const own = this.#ofPeer.get(peer) ?? new Set()
    own.add(tunnel)
    this.#ofPeer.set(peer, own)
    this.#all.set(tunnel, kind)
    return () => this.#remove(peer, tunnel)
  }

  of(peer: string): readonly RelayTunnel[] {
    return [...(this.#ofPeer.get(peer) ?? [])]
  }

  /** Whose tunnels of that kind are up. */
  peersOf(kind: PeerKind): string[] {
    const isOfKind = (own: ReadonlySet<RelayTunnel>) =>
      [...own].some((tunnel) => this.#all.get(tunnel) === kind)
    return [...this.#ofPeer].flatMap(([peer, own]) => (isOfKind(own) ? [peer] : []))
  }

  counts(): Record<PeerKind, number> {
    const counts = { client: 0, connector: 0 }
    for (const kind of this.#all.values()) counts[kind]++
    return counts
  }

  tick(now: number): void {
    for (const tunnel of [...this.#all.keys()]) tunnel.tick(now)
  }

  closeAll(code: ResetCode, reason: string): void {
    for (const tunnel of [...this.#all.keys()]) tunnel.close(code, reason)
  }

  #remove(peer: string, tunnel: RelayTunnel): void {
    this.#all.delete(tunnel)
    const own = this.#ofPeer.get(peer)
    own?.delete(tunnel)
    if (own?.size === 0) this.#ofPeer.delete(peer)
  }
}
