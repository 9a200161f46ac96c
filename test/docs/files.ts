import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const ROOT = path.join(import.meta.dirname, '../..')

const ROOMS = 'cli client connector edge identity names policy process resolver tunnel'.split(' ')

/** A file of the clone, by its path from the top. */
export const readText = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

/** Every source file of the rooms, by its path from the top. */
export const sourceFiles = (): string[] => find(ROOMS.map((room) => `${room}/**/*.{ts,mjs}`))

/** Every page that is written for people. */
export const pages = (): string[] => find(['*.md', 'docs/**/*.md', '{tunnel,deploy}/**/*.md'])

function find(patterns: readonly string[]): string[] {
  const isOutside = (file: string) => file.startsWith('node_modules')
  return globSync(patterns, { cwd: ROOT, exclude: isOutside }).sort()
}
