/**
 * What is measured of one way through. Names are keys of `--json`; `better` says which direction is.
 */
export const FIGURES = {
  bulk_up_bps: { label: 'one flow up, Gbit/s', better: 'more', scale: 1e-9, digits: 2 },
  bulk_down_bps: { label: 'one flow down, Gbit/s', better: 'more', scale: 1e-9, digits: 2 },
  bulk32_up_bps: { label: '32 flows up, Gbit/s', better: 'more', scale: 1e-9, digits: 2 },
  bulk32_down_bps: { label: '32 flows down, Gbit/s', better: 'more', scale: 1e-9, digits: 2 },
  rps_c64: { label: 'requests/s, 64 connections', better: 'more', scale: 1, digits: 0 },
  rps_c1: { label: 'requests/s, one connection', better: 'more', scale: 1, digits: 0 },
  conns_per_s: { label: 'new connections/s', better: 'more', scale: 1, digits: 0 },
  cpu_s_per_gib: { label: 'CPU s/GiB, one flow down', better: 'less', scale: 1, digits: 2 },
  cpu_s_per_gib_up: { label: 'CPU s/GiB, one flow up', better: 'less', scale: 1, digits: 2 },
  p99_ms_alone: { label: 'p99 of a request alone, ms', better: 'less', scale: 1, digits: 2 },
  p99_ms_under_bulk: {
    label: 'p99 beside 8 bulk flows, ms',
    better: 'less',
    scale: 1,
    digits: 2,
  },
  p99_ms_under_bulk_shared: {
    label: 'the same in the hops of the bulk, ms',
    better: 'less',
    scale: 1,
    digits: 2,
  },
  idle_flow_bytes_edge: {
    label: 'idle flow at the edge, KiB',
    better: 'less',
    scale: 1 / 1024,
    digits: 1,
  },
  idle_flow_bytes_end: {
    label: 'idle flow at an end, KiB',
    better: 'less',
    scale: 1 / 1024,
    digits: 1,
  },
} as const satisfies Record<string, Figure>

interface Figure {
  readonly label: string
  readonly better: 'more' | 'less'
  readonly scale: number
  readonly digits: number
}

export type FigureName = keyof typeof FIGURES
export const FIGURE_NAMES = Object.keys(FIGURES) as FigureName[]

/** One measurement; some ways have only some figures. */
export type Figures = Partial<Record<FigureName, number>>

/** The repeats of one figure: the middle one, and between what they all lay. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export type Spreads = Partial<Record<FigureName, Spread>>

export function spreadOf(repeats: readonly number[]): Spread {
  const sorted = repeats.toSorted((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? Number.NaN
  return { median: at(Math.floor(sorted.length / 2)), min: at(0), max: at(sorted.length - 1) }
}

/** Of every figure that was measured at all. */
export function spreadsOf(repeats: readonly Figures[]): Spreads {
  const spreads: Spreads = {}
  for (const name of FIGURE_NAMES) {
    const seen = repeats.map((figures) => figures[name]).filter((value) => value !== undefined)
    if (seen.length > 0) spreads[name] = spreadOf(seen)
  }
  return spreads
}

/** What `--json` says of a way. */
export function mediansOf(spreads: Spreads): Figures {
  const entries = Object.entries(spreads).map(([name, { median }]) => [name, median])
  return Object.fromEntries(entries)
}
