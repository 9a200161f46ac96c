/** What is known of a fact. An allow needs `yes`; a block bites on `yes` and on `unknown`. */
export type Truth = 'yes' | 'no' | 'unknown'

/** Kleene's strong three-valued logic. */
export function anyOf<Item>(items: readonly Item[], truthOf: (item: Item) => Truth): Truth {
  let result: Truth = 'no'
  for (const item of items) {
    const truth = truthOf(item)
    if (truth === 'yes') return 'yes'
    if (truth === 'unknown') result = 'unknown'
  }
  return result
}

export function allOf<Item>(items: readonly Item[], truthOf: (item: Item) => Truth): Truth {
  let result: Truth = 'yes'
  for (const item of items) {
    const truth = truthOf(item)
    if (truth === 'no') return 'no'
    if (truth === 'unknown') result = 'unknown'
  }
  return result
}

export function not(truth: Truth): Truth {
  if (truth === 'unknown') return 'unknown'
  return truth === 'yes' ? 'no' : 'yes'
}
