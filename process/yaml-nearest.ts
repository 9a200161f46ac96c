/**
 * The candidate that a person most likely meant by `word`: at most a third of its letters (and at
 * least one) mistyped, left out, added or swapped with a neighbour. `undefined` if none is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST) return undefined
  const limit = Math.max(1, Math.floor(word.length / 3))
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > limit) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= limit && (!best || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate
}

/** Longer words are not typing slips, and the distance costs the product of both lengths. */
const LONGEST = 80

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) row.push(cell(a, b, i, j, row, last, beforeLast))
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

function cell(
  a: string,
  b: string,
  i: number,
  j: number,
  row: readonly number[],
  last: readonly number[],
  beforeLast: readonly number[],
): number {
  const substitution = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
  const best = Math.min(at(last, j) + 1, at(row, j - 1) + 1, substitution)
  const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
  return swapped ? Math.min(best, at(beforeLast, j - 2) + 1) : best
}

const at = (row: readonly number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY
