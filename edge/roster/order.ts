import type { Beat } from './beat.ts'

/** READY names no more edges than this (SPEC.md §2.3). */
const MOST = 8

/**
 * The addresses of the edges in the order in which an end should try them: the one that tells, those
 * that are well, those that may come back, those that are about to go.
 */
export function orderedUrls(
  edges: readonly (Beat & { readonly isFresh: boolean })[],
  own: string,
): string[] {
  const rank = (edge: (typeof edges)[number]): number => {
    if (edge.name === own) return 0
    if (edge.state === 'draining') return 3
    return edge.isFresh ? 1 : 2
  }
  const urls = edges.toSorted((a, b) => rank(a) - rank(b)).map(({ url }) => url)
  return [...new Set(urls)].slice(0, MOST)
}
