import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exitCodeOf } from '../../cli/exit.ts'
import { usageFailure, verbOf } from '../../cli/usage.ts'
import { EdgeUnreachable } from '../../client/way.ts'
import { StoreError } from '../../edge/store/store.ts'
import { IdentityError } from '../../identity/error.ts'
import { ControlError } from '../../process/control.ts'
import { ConfigError } from '../../process/yaml.ts'
import { wholeProgram } from './program.ts'

const inUse = Object.assign(new Error('listen EADDRINUSE'), {
  code: 'EADDRINUSE',
  syscall: 'listen',
})

const CODES: [string, unknown, number][] = [
  ['no code at all', new Error('odd'), 1],
  ['nothing thrown', undefined, 1],
  ['what an error says of itself', new EdgeUnreachable('https://edge', 'ECONNREFUSED'), 3],
  ['an edge that cannot be reached', new IdentityError('ERR_EDGE_UNREACHABLE', 'away'), 3],
  ['a daemon that does not answer', new ControlError('ERR_CONTROL_TIMEOUT', 'no answer'), 3],
  ['a damaged profile', new IdentityError('ERR_PROFILE_FORMAT', 'damaged'), 2],
  ['a join token cut short', new IdentityError('ERR_JOIN_TOKEN', 'cut short'), 2],
  ['settings that are refused', new ConfigError([]), 2],
  ['a damaged store', new StoreError('ERR_STORE_CORRUPT', 'damaged', { path: '/x' }), 2],
  ['a second daemon on one state', new ControlError('ERR_CONTROL_IN_USE', 'in use'), 2],
  ['a port in use', inUse, 2],
  ['a clean no', Object.assign(new Error('no'), { code: 'ERR_CONNECTOR_UNKNOWN' }), 1],
]
for (const [what, error, expected] of CODES) {
  test(`${what} ends with ${expected}`, () => assert.equal(exitCodeOf(error), expected))
}

test('a slip names the verb whose help is wanted', async () => {
  const program = await wholeProgram()
  const slip = { code: 'commander.unknownOption', message: "error: unknown option '--bogus'" }
  const words = ['connector', 'token', 'hq', '--bogus']
  assert.deepEqual(usageFailure(slip, program, words), {
    what: "unknown option '--bogus'",
    fix: 'byname connector token --help',
    code: 'ERR_USAGE',
  })
  assert.deepEqual(verbOf(program, ['--bogus']), [])
})

test('the nearest spelling is passed on', async () => {
  const message = "error: unknown command 'lst'\n(Did you mean list?)"
  const failure = usageFailure(
    { code: 'commander.unknownCommand', message },
    await wholeProgram(),
    ['flow', 'lst'],
  )
  assert.equal(failure?.what, "unknown command 'lst' (did you mean list?)")
  assert.equal(failure?.fix, 'byname flow --help')
})

test('help and version are no slips', async () => {
  const program = await wholeProgram()
  for (const code of ['commander.help', 'commander.helpDisplayed', 'commander.version']) {
    assert.equal(usageFailure({ code, message: '(outputHelp)' }, program, []), undefined)
  }
})

test('a password on the command line is refused before it is used', async () => {
  const program = await wholeProgram()
  const slip = ['trace', 'a.b:80', '--proxy', 'http://me:secret@proxy:3128']
  await assert.rejects(program.parseAsync(slip, { from: 'user' }), (error: Error) => {
    assert.equal(exitCodeOf(error), 2)
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
})
