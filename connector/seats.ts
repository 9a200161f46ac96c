/** Which edges a connector keeps tunnels to: each that is known, and two to one that is alone. */
export function seatsFor(first: string, others: readonly string[]): string[] {
  const edges = new Set([first, ...others].map(originOf).filter((origin) => origin !== undefined))
  const seats = [...edges].slice(0, MAX_EDGES)
  return seats.length === 1 ? [...seats, ...seats] : seats
}

const MAX_EDGES = 8

/** One spelling an edge: READY may give `wss://…/tunnel`, the join token gave `https://…`. */
function originOf(text: string): string | undefined {
  const url = URL.parse(text.replace(/^wss:/i, 'https:'))
  return url?.protocol === 'https:' ? url.origin : undefined
}
