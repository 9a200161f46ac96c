import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { describe, test } from 'node:test'
import { ordinaryUser } from './start.ts'

const user = ordinaryUser()
const TYPE_AT = path.join(import.meta.dirname, 'type-at.py')
const DRIVER = path.resolve(import.meta.dirname, 'driver.ts')
type Step = readonly ['wait' | 'type', string]

/** Types at `shell -c script` under a terminal; `$RUN` in the script is byname run. */
function typeAt(script: string, steps: readonly Step[]): string {
  const run = `${user.see(process.execPath)} --disable-warning=ExperimentalWarning ${user.see(DRIVER)}`
  const words = ['/usr/bin/python3', user.see(TYPE_AT), '15', JSON.stringify(steps)]
  const shell = ['bash', '--norc', '-c', script.replaceAll('$RUN', run)]
  const [command = '', ...rest] = [...user.become, ...words, ...shell]
  const env = { PATH: '/usr/bin:/bin', TERM: 'xterm', PS1: '$ ', HOME: '/tmp' }
  const { stdout, stderr } = spawnSync(command, rest, { env, cwd: '/', encoding: 'utf8' })
  assert.equal(stderr, '')
  return stdout.replaceAll('\r\n', '\n')
}

describe('at a terminal', { concurrency: 2 }, () => {
  test('^C ends a program that lets it', () => {
    const shown = typeAt('exec $RUN sh -c "echo ready; exec sleep 30"', [
      ['wait', 'ready'],
      ['type', '\x03'],
    ])
    assert.match(shown, /exit -2\n$/)
  })

  test('^C reaches a program that catches it, once', () => {
    const script = `exec $RUN sh -c "trap 'echo caught' INT; echo ready; sleep 1; sleep 1; exit 5"`
    const shown = typeAt(script, [
      ['wait', 'ready'],
      ['type', '\x03'],
      ['wait', 'caught'],
    ])
    assert.equal(shown.split('caught').length, 2, shown)
    assert.match(shown, /exit 5\n$/)
  })

  test('^Z stops it, the shell goes on, fg resumes it', () => {
    const script = `set -m; $RUN sh -c 'echo ready; read line; echo "read $line"'; echo stopped $?; fg; echo ended $?`
    const shown = typeAt(script, [
      ['wait', 'ready'],
      ['type', '\x1a'],
      ['wait', 'stopped 148'],
      ['type', 'hello\n'],
      ['wait', 'ended 0'],
    ])
    assert.match(shown, /read hello/)
  })

  test('a program in raw mode gets each key, and the terminal is sane afterwards', () => {
    const raw =
      'import sys,tty,termios;f=sys.stdin.fileno();old=termios.tcgetattr(f);tty.setraw(f);print("raw",flush=True);k=sys.stdin.buffer.raw.read(1);termios.tcsetattr(f,termios.TCSADRAIN,old);print("key",k)'
    const shown = typeAt(`$RUN python3 -c '${raw}'; stty -a | grep -o -- '-\\?icanon'`, [
      ['wait', 'raw'],
      ['type', '\x03'],
      ['wait', 'icanon'],
    ])
    assert.match(shown, /key b'\\x03'/)
    assert.match(shown, /\nicanon/)
  })

  test('the program changes the terminal for good, as stty does', () => {
    const shown = typeAt(`$RUN stty -echo; stty -a | grep -o -- '-\\?echo '`, [['wait', 'echo ']])
    assert.match(shown, /-echo /)
  })

  test('the program sees the size of the terminal and that it is one', () => {
    const shown = typeAt('stty rows 33 cols 77; $RUN sh -c "tty -s && stty size"', [
      ['wait', '33 77'],
    ])
    assert.match(shown, /33 77/)
  })
})
