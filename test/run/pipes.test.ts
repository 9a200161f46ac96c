import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ordinaryUser, runInside } from './start.ts'

const user = ordinaryUser()
const STATUS_OF_FIRST = 'echo $PIPESTATUS'
const sh = (script: string) => ['sh', '-c', script]

describe('pipes', { concurrency: 2 }, () => {
  test('a writer whose reader has gone is ended by SIGPIPE, without a word', async () => {
    const { stdout, stderr } = await runInside(user, [
      'bash',
      '-c',
      `yes | head -2; ${STATUS_OF_FIRST}`,
    ])
    assert.deepEqual([stdout, stderr], ['y\ny\n141\n', ''])
  })

  test('so is the program, when the reader of byname itself has gone', async () => {
    const around = ['bash', '-c', `"$@" | head -1; ${STATUS_OF_FIRST}`, 'bash']
    const { stdout, stderr } = await runInside(user, ['yes'], { around })
    assert.deepEqual([stdout, stderr], ['y\n141\n', ''])
  })

  test('a pipe from and to the program carries much, and blocks as pipes do', async () => {
    const around = [
      'bash',
      '-c',
      'seq 300000 | "$@" | (sleep 0.3; cksum); seq 300000 | cksum',
      'bash',
    ]
    const { stdout, stderr } = await runInside(user, sh('cat'), { around })
    const [through, direct] = stdout.trim().split('\n')
    assert.equal(through, direct)
    assert.equal(stderr, '')
  })

  test('the standard streams are left as they were, also after connections have ended', async () => {
    const flags = '[bool(fcntl.fcntl(f, fcntl.F_GETFL) & os.O_NONBLOCK) for f in (0, 1, 2)]'
    const gone = 'socket.create_connection(("198.19.77.7", 80)).settimeout(1)'
    const script = `import fcntl,os,socket,time\nprint(${flags})\n${gone}\ntime.sleep(0.2)\nprint(${flags})`
    const around = ['sh', '-c', 'true | "$@" 2>&1 | cat', 'sh']
    const { stdout } = await runInside(user, ['python3', '-c', script], { around })
    assert.equal(stdout, '[False, False, False]\n'.repeat(2))
  })
})
