/**
 * JSON in which no object names a member twice (RFC 7519 §4: duplicate claims must be refused or the
 * last one taken; two parsers that choose differently see two people).
 * @throws {SyntaxError}
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  refuseDuplicates(text)
  return value
}

/** Strings and brackets of a text that JSON.parse has already taken; all else is of no interest. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]]/g

/** Walks valid JSON once: an object's member names are the strings that a colon follows. */
function refuseDuplicates(text: string): void {
  const open: (Set<string> | undefined)[] = []
  for (const match of text.matchAll(TOKEN)) {
    const [token] = match
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (isName(text, match.index + token.length)) addName(open.at(-1), token)
  }
}

const COLON = /[ \t\r\n]*:/y

function isName(text: string, end: number): boolean {
  COLON.lastIndex = end
  return COLON.test(text)
}

function addName(names: Set<string> | undefined, token: string): void {
  // Escapes are resolved first: "s\u0075b" is "sub".
  const name = JSON.parse(token) as string
  if (names?.has(name)) throw new SyntaxError('a member is named twice')
  names?.add(name)
}
