import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { chartOf } from './chart.ts'
import type { Spreads } from './figures.ts'
import type { Machine } from './machine.ts'
import { formatMarkdown, tableOf } from './table.ts'

/** A run as it is written down. */
export interface Results {
  readonly schema: 1
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly machine: Machine
  readonly loadAtStart: number
  readonly repeats: number
  /** Of each repeat of a figure. */
  readonly seconds: number
  readonly ways: Readonly<Record<string, Spreads>>
}

const root = path.dirname(import.meta.dirname)

/** Where every run leaves its results; not committed. */
export function leaveResults(results: Results): string {
  const directory = path.join(root, 'bench/out')
  mkdirSync(directory, { recursive: true })
  const written = shownOf(results)
  writeFileSync(path.join(directory, 'results.json'), written.json)
  writeFileSync(path.join(directory, 'performance.svg'), written.svg)
  return path.relative(process.cwd(), directory)
}

/** The run that the repository shows: JSON, chart, and the table in the docs. */
export function publishResults(results: Results): void {
  const page = path.join(root, 'docs/performance.md')
  const written = shownOf(results)
  writeFileSync(path.join(root, 'bench/results.json'), written.json)
  writeFileSync(path.join(root, 'docs/performance.svg'), written.svg)
  writeFileSync(page, replaceBetween(readFileSync(page, 'utf8'), written.table))
}

/** What is shown of a run: `table` goes into docs/performance.md. */
export function shownOf(results: Results): { json: string; svg: string; table: string } {
  const ways = new Map(Object.entries(results.ways))
  return {
    json: `${JSON.stringify(results, null, 2)}\n`,
    svg: chartOf(ways, 'client → edge → connector on one machine, TLS on both tunnels'),
    table: `${aboutOf(results)}\n\n${formatMarkdown(tableOf(ways))}`,
  }
}

function aboutOf({ machine, startedAt, loadAtStart, repeats, seconds }: Results): string {
  const { processor, cores, kernel, node, openssl, ssh, haproxy } = machine
  const parts = [
    `${cores} cores`,
    processor,
    `Linux ${kernel}`,
    `Node ${node} (OpenSSL ${openssl})`,
  ]
  const others = [ssh, haproxy].filter((one) => one !== undefined)
  return [
    `${startedAt.slice(0, 10)}, ${[...parts, ...others].join(', ')}; load average at the start`,
    `${loadAtStart}; the middle of ${repeats} repeats of ${seconds} s, in brackets the least and the`,
    'most of them.',
  ].join('\n')
}

const [BEGIN, END] = ['<!-- bench: begin -->', '<!-- bench: end -->']

/** @throws when the page has no place for it */
export function replaceBetween(page: string, text: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the page has no ${BEGIN} … ${END}`)
  return `${page.slice(0, from + BEGIN.length)}\n${text}\n${page.slice(to)}`
}
