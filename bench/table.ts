import { FIGURE_NAMES, FIGURES, type FigureName, type Spread, type Spreads } from './figures.ts'

export type Ways = ReadonlyMap<string, Spreads>

/** The ways that byname is compared to, and how the table calls the ratio. */
const BASELINES = { 'ssh-chain': '× ssh', 'node-chain': '× node' } as const

/** Figures by ways, the middle of the repeats and their span, and byname's ratios. */
export function tableOf(ways: Ways): string[][] {
  const baselines = Object.entries(BASELINES).filter(([name]) => ways.has(name))
  const names = [...ways.keys()]
  const head = ['', 'byname', ...baselines.map(([, title]) => title), ...names.filter(isOther)]
  const rows = FIGURE_NAMES.filter((figure) => names.some((way) => ways.get(way)?.[figure])).map(
    (figure) => {
      const cell = (way: string) => cellOf(figure, ways.get(way)?.[figure])
      const ratios = baselines.map(([way]) => ratioTo(ways, way, figure))
      return [FIGURES[figure].label, cell('byname'), ...ratios, ...names.filter(isOther).map(cell)]
    },
  )
  return [head, ...rows]
}

export function formatText(table: readonly (readonly string[])[]): string {
  const widthAt = (at: number) => Math.max(...table.map((row) => row[at]?.length ?? 0))
  const line = (row: readonly string[]) =>
    row.map((cell, at) => cell.padEnd(widthAt(at))).join('  ')
  return table.map((row) => line(row).trimEnd()).join('\n')
}

export function formatMarkdown(table: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`
  const [head = [], ...rows] = table
  const rule = head.map((_, at) => (at === 0 ? '---' : '--:'))
  return [head, rule, ...rows].map(line).join('\n')
}

/** In the unit of the figure's label. */
export function show(figure: FigureName, value: number): string {
  const { scale, digits } = FIGURES[figure]
  const [whole = '', ...fraction] = (value * scale).toFixed(digits).split('.')
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.')
}

const isOther = (way: string) => way !== 'byname'

function cellOf(figure: FigureName, spread: Spread | undefined): string {
  if (!spread) return ''
  const { median, min, max } = spread
  if (min === max) return show(figure, median)
  return `${show(figure, median)} (${show(figure, min)}–${show(figure, max)})`
}

function ratioTo(ways: Ways, baseline: string, figure: FigureName): string {
  const ours = ways.get('byname')?.[figure]?.median
  const theirs = ways.get(baseline)?.[figure]?.median
  return ours === undefined || theirs === undefined ? '' : (ours / theirs).toFixed(2)
}
