/** What a choice among tunnels looks at. */
export interface Carrier {
  readonly flowCount: number
  /** It owes an answer and says nothing. */
  readonly isInDoubt: boolean
}

/**
 * The less loaded of two taken at random: close to the best spread without looking at all, and no
 * herd runs to the one that just came back (power of two choices). `random` gives [0, 1).
 */
export function lessLoadedOfTwo<Tunnel extends Carrier>(
  tunnels: readonly Tunnel[],
  random: () => number,
): Tunnel | undefined {
  const first = Math.floor(random() * tunnels.length)
  const step = 1 + Math.floor(random() * (tunnels.length - 1))
  const one = tunnels[first]
  const other = tunnels[(first + step) % tunnels.length]
  if (!one || !other) return one
  return other.flowCount < one.flowCount ? other : one
}
