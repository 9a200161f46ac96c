import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { commandsOf, helpOf, wholeProgram } from './program.ts'

const program = await wholeProgram()

for (const { command, words } of commandsOf(program)) {
  const line = `byname ${words.join(' ')}`
  test(`${line} --help says what it does and shows an example`, () => {
    assert.match(command.description(), /^[A-Z].*\.$/s, 'a sentence')
    const help = helpOf(command)
    assert.match(help, /\nExamples?:\n {2}\$ /)
    const [, examples = ''] = help.split(/\nExamples?:\n/)
    assert.ok(examples.includes(line), `an example of ${line} itself`)
  })

  test(`${line} explains each argument and flag, and has no short flags of its own`, () => {
    for (const { description, flags } of command.options) {
      assert.ok(description.length > 5, flags)
      assert.match(flags, /^--/, 'short only for -h, -o, -q and -v')
    }
    for (const argument of command.registeredArguments) {
      assert.ok(argument.description.length > 5, argument.name())
    }
  })

  test(`${line} takes no secret in its words, where ps shows them`, () => {
    const names = [
      ...command.options.map((option) => option.long ?? ''),
      ...command.registeredArguments.map((argument) => argument.name()),
    ]
    for (const name of names) {
      assert.doesNotMatch(name, /^(--)?(.*-)?(token|secret|password|key|credential)$/, name)
    }
  })
}

test('a reader that has seen enough ends the program without a word', () => {
  const byname = path.resolve(import.meta.dirname, '../../cli/byname')
  const script = `${byname} --help | head -1; ${byname} flow --help | true`
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.match(stdout, /^Usage: byname/)
})
