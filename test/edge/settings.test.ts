import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_FLOW_LOG, DEFAULT_LIMITS, parseEdgeSettings, urlOf } from '../../edge/settings.ts'
import { ConfigError } from '../../process/yaml.ts'

const places = {
  stateDirectory: '/state/edge',
  controlPath: (stateDirectory: string) => `${stateDirectory}/edge.sock`,
}
const parse = (text: string) => parseEdgeSettings(text, '/etc/byname/edge.yaml', places)

function problemsOf(text: string): string[] {
  try {
    parse(text)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map(
      ({ line, column, message, fix }) => `${line}:${column} ${message}${fix ? ` | ${fix}` : ''}`,
    )
  }
  return []
}

test('a listen address is all that an edge needs to be told', () => {
  assert.deepEqual(parse('listen: 127.0.0.1:8443\n'), {
    listen: { host: '127.0.0.1', port: 8443 },
    url: undefined,
    name: 'edge',
    stateDirectory: '/state/edge',
    controlPath: '/state/edge/edge.sock',
    policyFile: undefined,
    zones: [],
    health: undefined,
    flowLog: DEFAULT_FLOW_LOG,
    tlsEndsBeforeEdge: false,
    requirePostQuantum: false,
    limits: DEFAULT_LIMITS,
  })
})

test('everything can be said, and paths start from the file', () => {
  const settings = parse(`listen: "[::]:443"
url: https://edge.example.com
name: zurich-1
state: state
control: /run/byname/edge.sock
policy: { file: policy.yaml }
zones: [corp.internal, LAB.internal.]
health: 127.0.0.1:9901
flow-log: { keep: 7d, size: 64MiB }
tls-ends-before-edge: true
limits: { connections: 10, unproven: 9, unproven-per-address: 2, tunnels-per-peer: 3, flows: 4, flows-per-session: 5 }
`)
  assert.deepEqual(settings, {
    listen: { host: '::', port: 443 },
    url: 'https://edge.example.com',
    name: 'zurich-1',
    stateDirectory: '/etc/byname/state',
    controlPath: '/run/byname/edge.sock',
    policyFile: '/etc/byname/policy.yaml',
    zones: ['corp.internal', 'lab.internal'],
    health: { host: '127.0.0.1', port: 9901 },
    flowLog: { maxAgeMs: 7 * 86_400_000, maxBytes: 64 * 2 ** 20 },
    tlsEndsBeforeEdge: true,
    requirePostQuantum: false,
    limits: {
      connections: 10,
      unproven: 9,
      unprovenPerAddress: 2,
      tunnelsPerPeer: 3,
      flows: 4,
      flowsPerSession: 5,
    },
  })
})

const WRONG: [string, string, RegExp][] = [
  ['no listen', 'name: a', /1:1 the edge's settings needs listen/],
  ['a slip in a key', 'listen: 127.0.0.1:1\nzone: [a.b]', /2:1 "zone" is not a key.*write "zones"/],
  [
    'a name to listen on',
    'listen: edge.example.com:443',
    /1:9 listen must be an address and a port/,
  ],
  ['a port too high', 'listen: 127.0.0.1:65536', /1:9 listen must be/],
  ['an address in short', 'listen: "127.1:443"', /1:9 listen must be/],
  ['all addresses, no url', 'listen: 0.0.0.0:443', /1:9 nobody can dial.*add url:/],
  ['http', 'listen: 127.0.0.1:1\nurl: http://edge.example.com', /2:6 url must be an https address/],
  ['a path', 'listen: 127.0.0.1:1\nurl: https://e.example.com/x', /2:6 url must be/],
  ['a user', 'listen: 127.0.0.1:1\nurl: https://u@e.example.com', /2:6 url must be/],
  ['a url nobody can dial', 'listen: 127.0.0.1:1\nurl: https://0.0.0.0', /2:6 url must be/],
  ['a pattern as zone', 'listen: 127.0.0.1:1\nzones: ["*.corp"]', /2:9 a zone must be a hostname/],
  [
    'a policy store',
    'listen: 127.0.0.1:1\npolicy: { store: x }',
    /2:11 a policy kept in the store/,
  ],
  ['no policy file', 'listen: 127.0.0.1:1\npolicy: {}', /2:9 policy needs file/],
  [
    'a time without unit',
    'listen: 127.0.0.1:1\nflow-log: { keep: "30" }',
    /2:19 keep must be a time/,
  ],
  ['a size in MB', 'listen: 127.0.0.1:1\nflow-log: { size: 5MB }', /2:19 size must be a size/],
  [
    'a limit of none',
    'listen: 127.0.0.1:1\nlimits: { flows: 0 }',
    /2:18 flows must be a whole number/,
  ],
  [
    'post-quantum behind a balancer',
    'listen: 127.0.0.1:1\ntls-ends-before-edge: true\ntls: { require-post-quantum: true }',
    /3:30 what peers agree on with the load balancer is not seen here/,
  ],
  ['an odd name', 'listen: 127.0.0.1:1\nname: "a b"', /2:7 name must be/],
]
for (const [what, text, expected] of WRONG) {
  test(`${what} is refused with line, column and a fix`, () => {
    const [problem = ''] = problemsOf(text)
    assert.match(problem, expected)
  })
}

test('post-quantum can be required', () => {
  const { requirePostQuantum } = parse('listen: 127.0.0.1:1\ntls: { require-post-quantum: true }')
  assert.ok(requirePostQuantum)
})

test('every problem of a file is told at once', () => {
  assert.equal(problemsOf('listen: x\nurl: y\nzones: ["-"]\nlimit: {}\n').length, 4)
})

test('without a url an edge is reached where it listens', () => {
  const ip6 = parse('listen: "[::1]:0"')
  assert.equal(urlOf(ip6, 4433), 'https://[::1]:4433')
  assert.equal(urlOf(parse('listen: 127.0.0.1:443'), 443), 'https://127.0.0.1')
  assert.equal(
    urlOf(parse('listen: 127.0.0.1:0\nurl: https://e.example.com'), 9),
    'https://e.example.com',
  )
})
