import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { App } from '../../connector/app.ts'
import { readTarget } from '../../connector/settings/target.ts'
import { parseConnectorSettings } from '../../connector/settings.ts'
import { formatPattern } from '../../names/pattern.ts'
import { ConfigError, type Problem } from '../../process/yaml.ts'

const FILE = '/etc/byname/connector.yaml'
const parse = (text: string) => parseConnectorSettings(text, FILE)
const oneApp = (text: string): App => {
  const [app] = parse(`apps:\n  - ${text}\n`).apps
  assert.ok(app)
  return app
}

function problemsOf(text: string): readonly Problem[] {
  try {
    parse(text)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  return []
}

const portsOf = (app: App) => app.ports.map(({ from, to }) => (from === to ? from : [from, to]))

test('a whole file is read, its paths from its own directory', () => {
  const settings = parse(`
edge: https://edge.example.com:8443
token-file: token
state: ../state
proxy: http://user:password@proxy.lan:3128
tls: { require-post-quantum: true }
health: 127.0.0.1:9465
apps:
  - { host: Wiki.Corp.Internal, ports: 80 }
  - { host: "*.ci.corp.internal", ports: [22, 8000-8999] }
  - { host: db.corp.internal, to: db.lan:5433, health: none }
`)
  const { apps, ...rest } = settings
  assert.deepEqual(rest, {
    edge: 'https://edge.example.com:8443',
    tokenFile: '/etc/byname/token',
    state: '/etc/state',
    proxy: 'http://user:password@proxy.lan:3128',
    requiresPostQuantum: true,
    health: { host: '127.0.0.1', port: 9465 },
  })
  assert.deepEqual(
    apps.map(({ pattern }) => formatPattern(pattern)),
    ['wiki.corp.internal', '*.ci.corp.internal', 'db.corp.internal'],
  )
  assert.deepEqual(apps.map(portsOf), [[80], [22, [8000, 8999]], [5433]])
  assert.deepEqual(
    apps.map(({ health }) => health),
    ['tcp', 'none', 'none'],
  )
})

/** `to`, where it leads, and the ports it stands for. */
const TARGETS: [string, object, number[]][] = [
  ['wiki.lan', { kind: 'name', name: 'wiki.lan', port: undefined }, []],
  ['WIKI.lan.', { kind: 'name', name: 'wiki.lan', port: undefined }, []],
  ['db.lan:5433', { kind: 'name', name: 'db.lan', port: 5433 }, [5433]],
  ['tcp://db.lan:5433', { kind: 'name', name: 'db.lan', port: 5433 }, [5433]],
  ['TCP://db.lan:5433', { kind: 'name', name: 'db.lan', port: 5433 }, [5433]],
  ['10.0.0.5', { kind: 'address', addresses: ['10.0.0.5'], port: undefined }, []],
  ['10.0.0.5:22', { kind: 'address', addresses: ['10.0.0.5'], port: 22 }, [22]],
  ['fd00::5', { kind: 'address', addresses: ['fd00::5'], port: undefined }, []],
  ['[fd00::5]', { kind: 'address', addresses: ['fd00::5'], port: undefined }, []],
  ['[fd00::5]:22', { kind: 'address', addresses: ['fd00::5'], port: 22 }, [22]],
  ['localhost:8080', { kind: 'address', addresses: ['127.0.0.1', '::1'], port: 8080 }, [8080]],
  ['app.localhost:1', { kind: 'address', addresses: ['127.0.0.1', '::1'], port: 1 }, [1]],
  [
    'http://localhost:8080',
    { kind: 'address', addresses: ['127.0.0.1', '::1'], port: 8080 },
    [80, 8080],
  ],
  ['http://wiki.lan', { kind: 'name', name: 'wiki.lan', port: 80 }, [80]],
  ['http://wiki.lan/', { kind: 'name', name: 'wiki.lan', port: 80 }, [80]],
  ['https://wiki.lan:8443/', { kind: 'name', name: 'wiki.lan', port: 8443 }, [443, 8443]],
  ['unix:run/app.sock', { kind: 'unix', path: '/etc/byname/run/app.sock' }, []],
  ['unix:/run/app.sock', { kind: 'unix', path: '/run/app.sock' }, []],
  ['unix:///run/app.sock', { kind: 'unix', path: '/run/app.sock' }, []],
]

for (const [text, target, ports] of TARGETS) {
  test(`to: ${text}`, () => {
    assert.deepEqual(readTarget(text, '/etc/byname'), { kind: 'target', target, ports })
  })
}

const WRONG_TARGETS = [
  'ftp://x:21',
  'http://x/path',
  'http://x?q',
  'http://u@x',
  'http://x:0',
  'http://x:65536',
  'x:0',
  'x:70000',
  'x:',
  ':80',
  'a b',
  '127.1',
  '0x7f.1:80',
  '10.0.0.5:22:33',
  '[::1',
  '::1]:80',
  '[10.0.0.1]:80',
  'fd00::5:70000x',
  'tcp://x',
  'tcp://',
  'http://',
  'unix:',
  'http://x\\y',
  '-x.lan',
  'x%2e.lan',
  `unix:/${'d'.repeat(200)}`,
]

test('a `to` that is none says why and what to write', () => {
  for (const text of WRONG_TARGETS) {
    const read = readTarget(text, '/etc/byname')
    assert.equal(read.kind, 'wrong', text)
    assert.ok(read.kind === 'wrong' && read.why && read.fix, text)
  }
})

test('ports come from `to`, unless they are written; else the error says to write them', () => {
  assert.deepEqual(portsOf(oneApp('{ host: a.b, to: "x:81" }')), [81])
  assert.deepEqual(portsOf(oneApp('{ host: a.b, to: "http://x:81" }')), [80, 81])
  assert.deepEqual(portsOf(oneApp('{ host: a.b, to: "x:81", ports: [443, 5000-5001] }')), [
    443,
    [5000, 5001],
  ])
  for (const text of ['{ host: a.b }', '{ host: a.b, to: x }', '{ host: a.b, to: "unix:s" }']) {
    const [problem] = problemsOf(`apps:\n  - ${text}\n`)
    assert.match(problem?.message ?? '', /nothing says on which ports a\.b is reached/)
    assert.match(problem?.fix ?? '', /ports: \[80\]/)
    assert.equal(problem?.line, 2)
  }
})

/** A file, the line and column of its one problem, and what it says. */
const PROBLEMS: [string, string, RegExp][] = [
  ['apps:\n  - { host: a.b, prots: [80], ports: 1 }\n', '2:18', /"prots" is not a key/],
  ['egde: https://x\napps: [{ host: a.b, ports: [80] }]\n', '1:1', /"egde" is not a key/],
  ['apps:\n  - { host: "domain:a.b", ports: [80] }\n', '2:13', /not a host that can be published/],
  ['apps:\n  - { host: a..b, ports: [80] }\n', '2:13', /not a host/],
  ['apps:\n  - { host: 10.0.0.1, ports: [80] }\n', '2:13', /not a host/],
  ['apps:\n  - { host: "*.*.b", ports: [80] }\n', '2:13', /not a host/],
  ['apps:\n  - { host: a.b, ports: [0] }\n', '2:26', /a port is 1 to 65535/],
  ['apps:\n  - { host: a.b, ports: [90-80] }\n', '2:26', /a port is 1 to 65535/],
  ['apps:\n  - { host: a.b, ports: [80, 70-90] }\n', '2:30', /listed twice/],
  ['apps:\n  - { host: a.b, ports: [53/udp] }\n', '2:26', /UDP is not supported yet/],
  ['apps:\n  - { host: a.b, ports: [] }\n', '2:25', /must not be empty/],
  ['apps:\n  - { host: a.b, to: ftp://x, ports: [80] }\n', '2:22', /ftp:\/\/ is not carried/],
  ['apps:\n  - { host: a.b, to: x, ports: [80], health: htpp }\n', '2:46', /health must be one of/],
  ['apps:\n  - { host: "*.b", ports: [80], health: tcp }\n', '2:41', /no origin to check/],
  [
    'apps:\n  - { host: a.b, ports: [80] }\n  - { host: A.b, ports: [79-81] }\n',
    '3:5',
    /port 79-81 already/,
  ],
  ['apps: []\n', '1:7', /apps is empty/],
  ['edge: http://x\napps: [{ host: a.b, ports: [80] }]\n', '1:7', /edge must be an https address/],
  ['edge: https://x/path\napps: [{ host: a.b, ports: [80] }]\n', '1:7', /edge must be/],
  ['edge: https://a_b..c\napps: [{ host: a.b, ports: [80] }]\n', '1:7', /edge must be/],
  ['proxy: socks5://x\napps: [{ host: a.b, ports: [80] }]\n', '1:8', /proxy must be/],
  ['tls: true\napps: [{ host: a.b, ports: [80] }]\n', '1:6', /tls must be a map/],
  ['tls: {}\napps: [{ host: a.b, ports: [80] }]\n', '1:6', /needs require-post-quantum/],
  [
    'tls: { require-post-quantum: yes }\napps: [{ host: a.b, ports: [80] }]\n',
    '1:30',
    /must be true or false/,
  ],
  [
    'health: example.com:80\napps: [{ host: a.b, ports: [80] }]\n',
    '1:9',
    /health must be an address/,
  ],
  ['health: 127.0.0.1:70000\napps: [{ host: a.b, ports: [80] }]\n', '1:9', /health must be/],
  ['', '1:1', /are empty/],
  ['state: x\n', '1:1', /needs apps/],
]

for (const [text, place, message] of PROBLEMS) {
  test(`refused at ${place}: ${JSON.stringify(text.slice(0, 60))}`, () => {
    const problems = problemsOf(text)
    assert.equal(problems.length, 1, JSON.stringify(problems))
    const [problem] = problems
    assert.match(problem?.message ?? '', message)
    assert.equal(`${problem?.line}:${problem?.column}`, place)
  })
}

test('a mistyped key is told the one that was meant', () => {
  assert.match(problemsOf('apps:\n  - { host: a.b, prots: 1, ports: 1 }')[0]?.fix ?? '', /"ports"/)
  assert.match(
    problemsOf('token-flie: x\napps: [{ host: a.b, ports: 1 }]')[0]?.fix ?? '',
    /"token-file"/,
  )
})

test('one host may have several apps on ports of their own, and an exact one beside a wildcard', () => {
  const { apps } = parse(`
apps:
  - { host: a.b, to: "x:80" }
  - { host: a.b, to: "y:22" }
  - { host: "*.b", ports: [80] }
`)
  assert.equal(apps.length, 3)
})

test('every problem of a file is told at once, in its order', () => {
  const problems = problemsOf('edge: x\napps:\n  - { host: a..b, ports: [0] }\n  - { port: 1 }\n')
  assert.deepEqual(
    problems.map(({ line }) => line),
    [1, 3, 3, 4, 4],
  )
})

test('a relative file name makes absolute paths', () => {
  const settings = parseConnectorSettings(
    'token-file: t\napps: [{ host: a.b, ports: 1 }]',
    'x/c.yaml',
  )
  assert.equal(settings.tokenFile, path.resolve('x/t'))
})

test('whatever a `to` says, reading it gives a target or a reason, and a target can be dialled', () => {
  const pieces = fc.constantFrom(
    'http://',
    'tcp://',
    'unix:',
    'a.b',
    '10.0.0.1',
    '[::1]',
    ':',
    '80',
    '/',
    '@',
    '%',
    ' ',
    '[',
    ']',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (to) => {
      const read = readTarget(to, '/etc/byname')
      if (read.kind === 'wrong') return assert.ok(read.why && read.fix)
      assert.ok(read.ports.every((port) => port >= 1 && port <= 65_535))
      if (read.target.kind !== 'address') return
      for (const address of read.target.addresses) assert.notEqual(isIP(address), 0)
    }),
    { numRuns: 2000 },
  )
})
