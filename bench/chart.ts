import { FIGURES, type FigureName } from './figures.ts'
import { show, type Ways } from './table.ts'

/** What the chart shows: not all that was measured, and `direct`, which has no tunnel, as a remark. */
const PANELS: readonly FigureName[] = [
  'bulk_down_bps',
  'bulk_up_bps',
  'bulk32_down_bps',
  'rps_c64',
  'rps_c1',
  'conns_per_s',
  'cpu_s_per_gib',
  'p99_ms_under_bulk',
]
const [WIDTH, COLUMNS, MARGIN, GAP] = [840, 2, 24, 36]
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / COLUMNS
const [NAME_WIDTH, VALUE_WIDTH, BAR, STEP, HEAD] = [82, 64, 14, 20, 44]

/** A panel for each figure, a bar for each way: the middle of the repeats, and their span as a line. */
export function chartOf(ways: Ways, title: string): string {
  const shown = PANELS.filter((figure) => ways.get('byname')?.[figure])
  const bars = [...ways.keys()].filter((way) => way !== 'direct')
  const panelHeight = HEAD + bars.length * STEP + 18
  const top = 56
  const height = top + Math.ceil(shown.length / COLUMNS) * panelHeight
  const panels = shown.map((figure, at) => {
    const x = MARGIN + (at % COLUMNS) * (PANEL_WIDTH + GAP)
    const y = top + Math.floor(at / COLUMNS) * panelHeight
    return `<g transform="translate(${x} ${y})">${panelOf(figure, bars, ways)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>
<text class="title" x="${MARGIN}" y="34">${escaped(title)}</text>
${panels.join('\n')}
</svg>
`
}

function panelOf(figure: FigureName, bars: readonly string[], ways: Ways): string {
  const { label, better } = FIGURES[figure]
  const most = Math.max(...bars.map((way) => ways.get(way)?.[figure]?.max ?? 0))
  const direct = ways.get('direct')?.[figure]?.median
  const remark = [
    better === 'less' ? 'less is better' : 'more is better',
    ...(direct === undefined ? [] : [`no tunnel at all: ${show(figure, direct)}`]),
  ].join(' · ')
  return [
    `<text class="label" y="14">${escaped(label)}</text>`,
    `<text class="remark" y="30">${escaped(remark)}</text>`,
    ...bars.map((way, at) => barOf(figure, way, ways, { most, y: HEAD + at * STEP })),
  ].join('\n')
}

function barOf(
  figure: FigureName,
  way: string,
  ways: Ways,
  { most, y }: { most: number; y: number },
): string {
  const spread = ways.get(way)?.[figure]
  const ours = way === 'byname' ? ' ours' : ''
  const name = `<text class="way${ours}" x="${NAME_WIDTH - 8}" y="${y + 11}">${escaped(way)}</text>`
  if (!spread) return `${name}<text class="value" x="${NAME_WIDTH}" y="${y + 11}">–</text>`
  const room = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH
  const at = (value: number) => Number(((value / most) * room).toFixed(1))
  const [from, to, middle] = [at(spread.min), at(spread.max), y + BAR / 2]
  const span = `M${NAME_WIDTH + from} ${middle}H${NAME_WIDTH + to}`
  return [
    name,
    `<rect class="bar${ours}" x="${NAME_WIDTH}" y="${y}" width="${at(spread.median)}" height="${BAR}" rx="2"/>`,
    from === to ? '' : `<path class="span" d="${span}"/>`,
    `<text class="value${ours}" x="${NAME_WIDTH + to + 6}" y="${y + 11}">${show(figure, spread.median)}</text>`,
  ].join('')
}

const STYLE = `
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.ground { fill: #ffffff }
.title { font-size: 15px; font-weight: 600 }
.label { font-weight: 600 }
.remark, .way { fill: #656d76 }
.remark { font-size: 11px }
.way { text-anchor: end }
.way.ours, .value.ours { fill: #1f2328; font-weight: 600 }
.bar { fill: #b6bec8 }
.bar.ours { fill: #0969da }
.span { stroke: #1f2328; stroke-width: 1.5; stroke-opacity: .65 }
@media (prefers-color-scheme: dark) {
  text, .way.ours, .value.ours { fill: #e6edf3 }
  .ground { fill: #0d1117 }
  .remark, .way { fill: #8d96a0 }
  .bar { fill: #484f58 }
  .bar.ours { fill: #4493f8 }
  .span { stroke: #e6edf3 }
}
`

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '"': '&quot;' }
const escaped = (text: string) => text.replace(/[&<"]/g, (one) => ENTITIES[one] ?? '')
