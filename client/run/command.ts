import { readFileSync } from 'node:fs'
import type { Go } from './messages.ts'

/** The program's words and environment, octet for octet. */
export type Command = Pick<Go, 'words' | 'environment' | 'inherited'>

export interface CommandSources {
  /** As `process.argv`. */
  readonly argv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Reads /proc/self/NAME and /proc/PPID/limits; `undefined` when it cannot. */
  readonly readProc: (name: 'cmdline' | 'environ' | 'parent-limits') => Buffer | undefined
}

/**
 * What to run, from the last `count` words of the command line. Node knows them, and the
 * environment, only as UTF-8; what is none (a file name in Latin-1) would arrive as something else,
 * so both are read as the kernel has them.
 */
export function commandOf(count: number, sources: CommandSources = SYSTEM): Command {
  const { argv, env, readProc } = sources
  const given = argv.slice(argv.length - count)
  const raw = split(readProc('cmdline')).slice(-count)
  const words = sameText(raw, given) ? raw : given.map((word) => Buffer.from(word))
  return {
    words: words.map(toBase64),
    environment: environmentOf(env, split(readProc('environ'))).map(toBase64),
    inherited: inheritedOf(env.BYNAME_INHERITED, readProc('parent-limits')?.toString()),
  }
}

const SYSTEM: CommandSources = {
  argv: process.argv,
  env: process.env,
  readProc: (name) => {
    try {
      const file = name === 'parent-limits' ? `/proc/${process.ppid}/limits` : `/proc/self/${name}`
      return readFileSync(file)
    } catch {
      return undefined
    }
  },
}

/** Our launcher's, and nothing to the program. */
const OURS = ['BYNAME_INHERITED']

/** As the process was started with; as Node has it, where the two differ (or nothing can be read). */
function environmentOf(env: NodeJS.ProcessEnv, raw: readonly Buffer[]): Buffer[] {
  const byName = new Map(raw.map((entry) => [nameOf(entry), entry]))
  const names = Object.keys(env).filter((name) => !OURS.includes(name))
  return names.map((name) => {
    const plain = `${name}=${env[name]}`
    const exact = byName.get(name)
    return exact && exact.toString() === plain ? exact : Buffer.from(plain)
  })
}

/**
 * `BYNAME_INHERITED` is what the launcher found before Node changed it: the soft limit of open files,
 * and the mask of ignored signals in hexadecimal. Without it, the parent's limit stands for ours.
 */
export function inheritedOf(told: string | undefined, parentLimits: string | undefined) {
  const [limit = '', mask = ''] = (told ?? '').split(' ')
  const soft = /^Max open files\s+(\d+)/m.exec(parentLimits ?? '')?.[1]
  const openFiles = /^\d{1,10}$/.test(limit) ? Number(limit) : soft && Number(soft)
  const ignoredSignals = /^[0-9a-f]{1,16}$/.test(mask) ? Number(BigInt(`0x${mask}`) & LOW_31) : 0
  return { openFiles: openFiles || undefined, ignoredSignals }
}

const LOW_31 = 0x7fffffffn

function split(bytes: Buffer | undefined): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; bytes !== undefined && at < bytes.length; ) {
    const end = bytes.indexOf(0, at)
    parts.push(bytes.subarray(at, end < 0 ? bytes.length : end))
    at = end < 0 ? bytes.length : end + 1
  }
  return parts
}

const sameText = (raw: readonly Buffer[], given: readonly string[]) =>
  raw.length === given.length && raw.every((word, at) => word.toString() === given[at])
const nameOf = (entry: Buffer) => entry.subarray(0, Math.max(0, entry.indexOf('='))).toString()
const toBase64 = (bytes: Buffer) => bytes.toString('base64')
