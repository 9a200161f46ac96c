/**
 * The import rules of ARCHITECTURE.md, checked: imports between rooms run one way, and no file takes
 * part in a cycle. Prints each broken rule with file and line and ends with 1 if there is any.
 */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const EVERYTHING = ['*']
const MAY_IMPORT: Record<string, string[]> = {
  names: [],
  process: [],
  policy: ['names', 'process/yaml.ts'],
  'resolver/dns': ['names'],
  resolver: ['names', 'resolver/dns'],
  identity: ['names'],
  'tunnel/messages': ['names', 'identity', 'tunnel'],
  tunnel: [],
  connector: ['tunnel', 'tunnel/messages', 'names', 'identity', 'process', 'resolver/dns'],
  client: ['tunnel', 'tunnel/messages', 'names', 'resolver', 'resolver/dns', 'identity', 'process'],
  edge: [
    'tunnel',
    'tunnel/messages',
    'names',
    'policy',
    'identity',
    'process',
    'resolver',
    'resolver/dns',
  ],
  cli: EVERYTHING,
  test: EVERYTHING,
  bench: EVERYTHING,
  deploy: EVERYTHING,
}
const ROOMS = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length)
const SINGLE_FILES = Object.values(MAY_IMPORT)
  .flat()
  .filter((name) => name.endsWith('.ts'))

const root = path.dirname(import.meta.dirname)
const files = globSync('**/*.ts', { cwd: root, exclude: ['node_modules/**', '.byname/**'] })
const imports = new Map(files.map((file) => [file, importsOf(file)]))
const broken = [...brokenArrows(), ...cycles()]
for (const line of broken) console.error(line)
console.log(`import rules: ${files.length} files, ${broken.length} broken`)
process.exitCode = broken.length > 0 ? 1 : 0

function importsOf(file: string): { target: string; line: number }[] {
  const text = readFileSync(path.join(root, file), 'utf8')
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)]
  return found.map((match) => ({
    target: path.normalize(path.join(path.dirname(file), match[1] ?? '')),
    line: text.slice(0, match.index).split('\n').length,
  }))
}

function roomOf(file: string): string {
  return ROOMS.find((room) => file.startsWith(`${room}/`)) ?? ''
}

function brokenArrows(): string[] {
  const lines: string[] = []
  for (const [file, targets] of imports) {
    const room = roomOf(file)
    for (const { target, line } of targets) {
      if (!mayImport(room, target)) lines.push(`${file}:${line} ${room} may not import ${target}`)
    }
  }
  return lines
}

function mayImport(room: string, target: string): boolean {
  const allowed = MAY_IMPORT[room] ?? []
  if (allowed === EVERYTHING || roomOf(target) === room) return true
  if (SINGLE_FILES.includes(target)) return allowed.includes(target) || allowed.includes('process')
  return allowed.includes(roomOf(target))
}

function cycles(): string[] {
  const done = new Set<string>()
  const lines: string[] = []
  const visit = (file: string, trail: string[]): void => {
    const at = trail.indexOf(file)
    if (at >= 0) {
      lines.push(`cycle: ${[...trail.slice(at), file].join(' -> ')}`)
      return
    }
    if (done.has(file)) return
    for (const { target } of imports.get(file) ?? []) visit(target, [...trail, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return lines
}
