/**
 * What may not be written down, found in two ways because each misses some: by the *name* of a field
 * (a password has no shape) and by the *shape* of a value (a token in an error's message has no name).
 */

const HIDDEN = '[redacted]'
const MAX_DEPTH = 6
const MAX_ENTRIES = 100
const MAX_TEXT = 2000

/** Names of fields that hold secrets, compared without case, `-` and `_`. `d` is a JWK's private part. */
const SECRET_NAMES = new Set([
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'password',
  'passphrase',
  'secret',
  'clientsecret',
  'token',
  'idtoken',
  'accesstoken',
  'refreshtoken',
  'subjecttoken',
  'jointoken',
  'assertion',
  'credential',
  'privatekey',
  'privatejwk',
  'dpop',
  'd',
])

/** A JWT (or its head and payload alone), or one of our own `byn_…` tokens, anywhere in a text. */
const SECRET_SHAPES =
  /eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)?|byn_[A-Za-z0-9_.~-]+|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(-----END [A-Z ]*PRIVATE KEY-----)?/g

/** A copy of `facts` without secrets, control characters, cycles or more than a log line needs. */
export function redact(facts: Record<string, unknown>): Record<string, unknown> {
  return redactEntries(Object.entries(facts), 0)
}

/** The same on a finished line: catches what came in by the sentence, a key or a serialiser. */
export function scrubLine(line: string): string {
  return scrub(line)
}

/** A text without secrets, with its control characters made visible: it can start no line of its own. */
export function scrubText(text: string): string {
  const cut =
    text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text
  return showControls(scrub(cut))
}

const scrub = (text: string) => text.replace(SECRET_SHAPES, HIDDEN)

function redactEntries(entries: [string, unknown][], depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {}
  for (const [name, value] of entries.slice(0, MAX_ENTRIES)) {
    clean[showControls(name)] =
      isSecretName(name) && value != null ? HIDDEN : redactValue(value, depth)
  }
  if (entries.length > MAX_ENTRIES) clean['…'] = `${entries.length - MAX_ENTRIES} more`
  return clean
}

const isSecretName = (name: string) => SECRET_NAMES.has(name.toLowerCase().replace(/[-_]/g, ''))

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrubText(value)
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value)
  if (typeof value !== 'object' || value === null) return value
  // Bytes are never worth a log line and may be a key.
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Date) return value
  if (depth >= MAX_DEPTH) return '[too deep]'
  if (value instanceof Error) return redactEntries(entriesOfError(value), depth + 1)
  if (Array.isArray(value))
    return value.slice(0, MAX_ENTRIES).map((item) => redactValue(item, depth + 1))
  if (value instanceof Map) return redactEntries(entriesOfMap(value), depth + 1)
  if (value instanceof Set) return redactValue([...value], depth)
  return redactEntries(Object.entries(value), depth + 1)
}

/** The stack as a list of frames: its head repeats the message, which may be an attacker's text. */
function entriesOfError(error: Error): [string, unknown][] {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const facts = Object.entries(error).filter(([name]) => name !== 'name' && name !== 'message')
  const cause: [string, unknown][] = error.cause === undefined ? [] : [['cause', error.cause]]
  const stack = frames.slice(0, 10).map((line) => line.trim())
  return [['type', error.name], ['message', error.message], ...facts, ...cause, ['stack', stack]]
}

const entriesOfMap = (map: Map<unknown, unknown>) =>
  [...map].map(([key, value]): [string, unknown] => [String(key), value])

/** C0, DEL, C1, and the two Unicode line ends, as `\u001b` in letters. */
function showControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
