import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { verbOf } from '../../cli/usage.ts'
import { wholeProgram } from '../cli/program.ts'
import { pages, readText, sourceFiles } from './files.ts'

const program = await wholeProgram()

const FENCED = /^```.*?^```/gms
/** `$ BYNAME_PROFILE=alice npx byname status` */
const COMMAND = /^\s*(?:\$ |[A-Z_]+=\S+ )*(?:npx )?byname (.+)$/
/** Sentences about byname, and what signatures begin with. */
const NOT_TYPED = /^(runs|does|tunnel proof|enrolment proof)\b/

for (const page of pages()) {
  const lines = commandLines(readText(page))
  if (lines.length === 0) continue
  test(`every byname command line of ${page} names a verb and flags that exist`, () => {
    for (const line of lines) check(line)
  })
}

test('every verb that the sources tell a person to type exists', () => {
  const lines = sourceFiles().flatMap((file) =>
    quotedLines(readText(file)).map((words) => [file, words] as const),
  )
  assert.ok(lines.length > 20, 'the sources were read')
  for (const [file, words] of lines)
    assert.ok(commandAt(words), `byname ${words.join(' ')}: ${file}`)
})

/** In code blocks (fenced or indented) and in backticks: what follows `byname`, as words. */
function commandLines(text: string): string[][] {
  const fenced = [...text.matchAll(FENCED)].flatMap(([block]) =>
    block.replaceAll('\\\n', ' ').split('\n'),
  )
  const rest = text.replace(FENCED, '')
  const indented = rest.split('\n').filter((line) => line.startsWith('    '))
  const spans = [...rest.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replaceAll('\n', ' '))
  return [...fenced, ...indented, ...spans].flatMap((line) => {
    const [, words] = COMMAND.exec(line) ?? []
    return words === undefined || NOT_TYPED.test(words) ? [] : [wordsOf(words)]
  })
}

/** Up to a comment, a pipe, a redirection or another command. */
function wordsOf(text: string): string[] {
  const [own = ''] = text.split(/\s(?:#|\||>|&&|2>)/)
  return own.split(/\s+/).filter(Boolean)
}

function check(words: readonly string[]): void {
  const line = `byname ${words.join(' ')}`
  const command = commandAt(words)
  assert.ok(command, `${line}: no such verb`)
  for (const word of ownWords(words)) {
    // `[--json]`: may be left out.
    const [flag = ''] = word.replace(/^\[|\]$/g, '').split('=')
    if (!flag.startsWith('--')) continue
    assert.ok(hasFlag(command, flag), `${line}: no flag ${flag}`)
  }
}

const hasFlag = (command: Command, flag: string) =>
  flag === '--help' || command.options.some(({ long }) => long === flag)

/** The verb, or undefined where the words name none of ours. */
function commandAt(words: readonly string[]): Command | undefined {
  const [first = ''] = words
  if (first.startsWith('-')) return program
  const path = verbOf(program, words)
  const found = path.reduce<Command | undefined>(
    (command, word) => command?.commands.find((each) => each.name() === word),
    program,
  )
  const isGroup = found !== undefined && found.commands.length > 0
  const next = words[path.length]
  return path.length === 0 || (isGroup && next !== undefined && /^[a-z]+$/.test(next))
    ? undefined
    : found
}

/** What follows `--` is another program's. */
function ownWords(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  return end < 0 ? words : words.slice(0, end)
}

/** Where a text of ours, or a part of one in backticks, begins with byname: `byname client run`. */
function quotedLines(text: string): string[][] {
  const found = [...text.matchAll(/(?:['`"]|\$ )(?:npx )?byname ([a-z]+(?: [a-z]+)?)/g)]
  return found
    .map(([, words = '']) => words)
    .filter((words) => !NOT_TYPED.test(words))
    .map((words) => words.split(' '))
}
