import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { House } from './house/house.ts'
import { whyNoRooms } from './house/room.ts'
import { untilListening } from './house/services.ts'

const skip = whyNoRooms() ?? false
const GIB = 2 ** 30

describe('real programs reach private apps by name', { skip }, () => {
  let house: House
  before(async () => {
    house = new House('prog')
    await house.up()
  })
  after(() => house?.close())

  const alice = (command: string, input = '', timeoutMs = 60_000) =>
    house.byname('alice', ['sh', '-c', command], { input, timeoutMs })

  test('the private network cannot be reached but through a connector', async () => {
    for (const room of [house.client, house.edge]) {
      const direct = await room.run(['curl', '-sS', '-m', '2', 'http://10.81.2.10/'])
      assert.notEqual(direct.code, 0)
    }
    const beside = await house.connectors[0].run(['curl', '-sS', '-m', '2', 'http://10.81.2.10/'])
    assert.equal(beside.stdout, 'the wiki\n')
  })

  test('curl gets the wiki over HTTP/1.1', async () => {
    const ran = await alice('curl -sS --http1.1 http://wiki.corp.internal/')
    assert.deepEqual(ran, { code: 0, stdout: 'the wiki\n', stderr: '' })
  })

  test("curl gets the wiki over HTTP/2 and sees the origin's own certificate", async () => {
    const { originCa } = house.services
    const ran = await alice(
      `curl -sS --cacert ${originCa} -w '%{http_version}' https://wiki.corp.internal/`,
    )
    assert.equal(ran.stdout, 'the wiki\n2', ran.stderr)
  })

  test('a download of 1 GiB arrives whole', async () => {
    const file = await makeBigFile(house)
    const ran = await alice('curl -sS http://wiki.corp.internal/big | sha256sum', '', 120_000)
    assert.equal(ran.stdout.split(' ')[0], await sha256(file), ran.stderr)
  })

  test('an upload of 1 GiB arrives whole', async () => {
    const file = await makeBigFile(house)
    const ran = await alice(
      `curl -sS -f -T ${file} http://wiki.corp.internal/upload/big`,
      '',
      120_000,
    )
    assert.equal(ran.code, 0, ran.stderr)
    const uploaded = path.join(house.services.directory, 'web/upload/big')
    assert.equal(await sha256(uploaded), await sha256(file))
  })

  test('a WebSocket echoes through', async () => {
    house.origins.start([
      process.execPath,
      path.join(import.meta.dirname, 'house/ws-echo.ts'),
      '10.81.2.10',
      '9000',
    ])
    await untilListening(house.origins, 9000)
    const client = `const s = new WebSocket('ws://echo.corp.internal:9000');
      s.onopen = () => s.send('hello'); s.onmessage = (m) => { console.log(m.data); s.close() };
      s.onerror = () => process.exit(1)`
    const ran = await house.byname('alice', [process.execPath.replace(ROOT, '/mnt'), '-e', client])
    assert.equal(ran.stdout, 'hello\n', ran.stderr)
  })

  const psql = 'psql -h db.corp.internal -U app -d postgres -v ON_ERROR_STOP=1 -qAt'

  test('psql asks PostgreSQL a question', async () => {
    const ran = await alice(`${psql} -c 'select 6 * 7'`)
    assert.deepEqual(ran, { code: 0, stdout: '42\n', stderr: '' })
  })

  test('psql copies a million rows in and out', async () => {
    const ran = await alice(
      `set -e; ${psql} -c 'create table rows (n int, t text)'
       seq 1 1000000 | awk '{ print $1 "\\t" "row " $1 }' | ${psql} -c 'copy rows from stdin'
       ${psql} -c 'select count(*), sum(n) from rows'
       ${psql} -c 'copy rows to stdout' | sha256sum
       seq 1 1000000 | awk '{ print $1 "\\t" "row " $1 }' | sha256sum`,
    )
    const [counted, copied, made] = ran.stdout.split('\n')
    assert.equal(counted, '1000000|500000500000', ran.stderr)
    assert.equal(copied, made)
  })

  test('LISTEN hears a NOTIFY', async () => {
    const ran = await alice(
      `(echo 'listen news;'; sleep 1; echo 'select 1;') | ${psql} & sleep 0.5
       ${psql} -c "notify news, 'it came'"; wait`,
    )
    assert.match(ran.stdout, /Asynchronous notification "news" with payload "it came"/, ran.stderr)
  })

  const ssh = () =>
    `-o UserKnownHostsFile=${house.services.knownHosts} -o BatchMode=yes -i ${keyOf(house)}`

  test('ssh runs a command', async () => {
    const ran = await alice(`ssh ${ssh()} root@git.corp.internal 'echo $((20 + 22))'`)
    assert.equal(ran.stdout, '42\n', ran.stderr)
  })

  test('scp brings a file over and back', async () => {
    const ran = await alice(
      `cd $HOME && head -c 20000000 /dev/urandom > there && scp -q ${ssh()} there root@git.corp.internal:${house.directory}/copied &&
       scp -q ${ssh()} root@git.corp.internal:${house.directory}/copied back && cmp there back && echo same`,
    )
    assert.equal(ran.stdout, 'same\n', ran.stderr)
  })

  test('git pushes and clones over ssh', async () => {
    const ran = await alice(
      `cd $HOME && export GIT_SSH_COMMAND="ssh ${ssh()}" && git init -q here && cd here &&
       git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m 'reached by name' &&
       git push -q root@git.corp.internal:${house.services.directory}/project.git HEAD:refs/heads/main &&
       git clone -q -b main root@git.corp.internal:${house.services.directory}/project.git ../cloned && git -C ../cloned log -1 --format=%s`,
    )
    assert.equal(ran.stdout, 'reached by name\n', ran.stderr)
  })

  test('redis-cli sets and gets', async () => {
    const ran = await alice(
      'redis-cli -h cache.corp.internal set k v; redis-cli -h cache.corp.internal get k',
    )
    assert.equal(ran.stdout, 'OK\nv\n', ran.stderr)
  })

  test('dig sees a synthetic address, NXDOMAIN, and the records of the real DNS', async () => {
    const dig = await alice(
      `dig +short wiki.corp.internal; dig nope.corp.internal | grep -o 'status: [A-Z]*'
       dig +short TXT wiki.corp.internal; dig +short SRV _postgresql._tcp.db.corp.internal; dig +short public.example`,
    )
    const [address, status, txt, srv, open] = dig.stdout.split('\n')
    assert.match(address ?? '', /^198\.19\./, dig.stderr)
    assert.equal(status, 'status: NXDOMAIN')
    assert.equal(txt, '"the wiki of the company"')
    assert.equal(srv, '0 0 5432 db.corp.internal.')
    assert.equal(open, '10.81.1.1')
  })

  test('bob is refused, told why once, and the log names him', async () => {
    const ran = await house.byname('bob', [
      'sh',
      '-c',
      'for i in 1 2; do curl -sS -m 5 http://wiki.corp.internal/; done',
    ])
    assert.notEqual(ran.code, 0)
    const said = ran.stderr.split('\n').filter((line) => line.startsWith('byname:'))
    assert.deepEqual(said, [
      'byname: bob@example.com may not reach wiki.corp.internal:80: no rule allows it',
    ])
    const [refused] = await house.flows('bob@example.com', 'wiki.corp.internal')
    assert.equal(refused?.state, 'refused')
  })

  test('a name that resolves to loopback or to the metadata service is not dialled', async () => {
    for (const name of ['rebind', 'metadata']) {
      const ran = await alice(`curl -sS -m 5 http://${name}.corp.internal/`)
      assert.notEqual(ran.code, 0)
      assert.match(ran.stderr, /byname: .*address that connectors never dial|forbidden|origin/i)
    }
  })

  test('a record joins open and end, with the bytes and where the time went', async () => {
    const rows = await house.flows('alice@example.com', 'db.corp.internal')
    const copied = rows.find(({ bytesUp = 0 }) => bytesUp > 10_000_000)
    assert.ok(copied, JSON.stringify(rows))
    assert.equal(copied.rule, 'staff-reach-everything')
    assert.equal(copied.state, 'done')
    assert.match(copied.connector?.name ?? '', /^hq[12]$/)
    for (const hop of ['gate', 'relay', 'resolve', 'connect'] as const)
      assert.ok((copied.micros[hop] ?? 0) > 0, hop)
  })
})

const ROOT = path.resolve(import.meta.dirname, '../..')

async function makeBigFile(house: House): Promise<string> {
  const file = path.join(house.services.directory, 'web/big')
  const make = `test -s ${file} || openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c ${GIB} > ${file}`
  house.origins.runSync(['sh', '-c', make])
  return file
}

/** ssh wants a key that is its user's alone. */
function keyOf(house: House): string {
  const key = path.join(house.directory, 'user-home', 'key')
  house.client.runSync(['sh', '-c', `install -o 65534 -m 600 ${house.services.sshKey} ${key}`])
  return key
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk)
  return hash.digest('hex')
}
