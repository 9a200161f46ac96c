import { parse as parseSuffix } from 'tldts'
import { formatPattern, type NamePattern, readPattern } from '../names/pattern.ts'

/** One selector of `to` or `except`: a pattern of names, a set of the file, or every name. */
export type Target =
  | { readonly kind: 'pattern'; readonly pattern: NamePattern }
  | { readonly kind: 'set'; readonly name: string }
  | { readonly kind: 'anything' }

export type TargetRead =
  | { readonly kind: 'target'; readonly target: Target }
  | { readonly kind: 'not-a-target'; readonly message: string; readonly fix?: string }

/** Reads one selector; whether a set exists and what a rule may name is for the caller to say. */
export function readTarget(text: string): TargetRead {
  if (text === 'anything') return target({ kind: 'anything' })
  if (text === 'public')
    return no('"public" is not yet supported: egress comes with a later version')
  const set = /^names:(.*)$/.exec(text)
  if (set) return target({ kind: 'set', name: set[1] ?? '' })
  const read = readPattern(text)
  if (read.kind === 'not-a-pattern') return no(refusalOf(text, read.code))
  return target({ kind: 'pattern', pattern: read.pattern })
}

/** A single label is no name of ours: it means something else on every machine's search list. */
export function isSingleLabel(pattern: NamePattern): boolean {
  return pattern.kind === 'host' && !pattern.base.includes('.')
}

/**
 * Whether a pattern covers all of an ICANN public suffix (`*.com`, `domain:co.uk`). Private suffixes
 * (`github.io`) and internal top-level names (`internal`, `corp`) do not count.
 */
export function coversPublicSuffix(pattern: NamePattern): boolean {
  if (pattern.kind === 'host') return false
  const suffix = parseSuffix(pattern.base, { allowPrivateDomains: false })
  return suffix.isIcann === true && suffix.publicSuffix === pattern.base
}

export function formatTarget(one: Target): string {
  switch (one.kind) {
    case 'pattern':
      return formatPattern(one.pattern)
    case 'set':
      return `names:${one.name}`
    case 'anything':
      return 'anything'
  }
}

const target = (found: Target): TargetRead => ({ kind: 'target', target: found })
const no = (message: string): TargetRead => ({ kind: 'not-a-target', message })

function refusalOf(text: string, code: string): string {
  const shown = JSON.stringify(text.slice(0, 80))
  if (code === 'ERR_HOSTNAME_IS_ADDRESS') return `${shown} is an address: rules are about names`
  if (/^(https?|ssh|tcp):\/\//.test(text)) return `${shown} is a URL: write the hostname alone`
  if (/:\d+$/.test(text)) return `${shown} has a port: ports have a key of their own`
  return `${shown} is not a hostname, "*.base", domain:BASE or names:SET`
}
