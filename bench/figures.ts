/** What is measured of one way through: bits and requests a second, and what they cost. */
export interface Figures {
  readonly bulk_up_bps: number
  readonly bulk_down_bps: number
  readonly bulk32_down_bps: number
  readonly rps_c64: number
  readonly rps_c1: number
  readonly conns_per_s: number
  /** CPU seconds of the whole machine for each GiB of one bulk flow down. */
  readonly cpu_s_per_gib: number
}

export const FIGURE_NAMES = [
  'bulk_up_bps',
  'bulk_down_bps',
  'bulk32_down_bps',
  'rps_c64',
  'rps_c1',
  'conns_per_s',
  'cpu_s_per_gib',
] as const satisfies readonly (keyof Figures)[]

/** The middle one of the repeats of each figure. */
export function medianOf(repeats: readonly Figures[]): Figures {
  const middle = (name: keyof Figures) => {
    const sorted = repeats.map((figures) => figures[name]).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  }
  return Object.fromEntries(FIGURE_NAMES.map((name) => [name, middle(name)])) as unknown as Figures
}

/** A table of ways (rows) by figures, with each way's ratio to another one. */
export function formatFigures(ways: ReadonlyMap<string, Figures>, baseline: string): string {
  const base = ways.get(baseline)
  const rows = [...ways].map(([name, figures]) => [
    name,
    ...FIGURE_NAMES.map((one) => `${show(one, figures[one])}${ratio(figures[one], base?.[one])}`),
  ])
  const all = [['way', ...FIGURE_NAMES.map((name) => HEADS[name])], ...rows]
  const widths = all[0]?.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0))) ?? []
  return all.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).join('\n')
}

const HEADS: Record<keyof Figures, string> = {
  bulk_up_bps: 'up',
  bulk_down_bps: 'down',
  bulk32_down_bps: '32 flows down',
  rps_c64: 'req/s c64',
  rps_c1: 'req/s c1',
  conns_per_s: 'conn/s',
  cpu_s_per_gib: 'CPU s/GiB',
}

function show(name: keyof Figures, value: number): string {
  if (name.endsWith('_bps')) return `${(value / 1e9).toFixed(2)} Gbit/s`
  return name === 'cpu_s_per_gib' ? value.toFixed(2) : value.toFixed(0)
}

const ratio = (value: number, base: number | undefined) =>
  base === undefined || base === value ? '' : ` (${(value / base).toFixed(2)}x)`
