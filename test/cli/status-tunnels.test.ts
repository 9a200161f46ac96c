import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printStatus as printClient } from '../../cli/client/status.ts'
import { printStatus as printConnector } from '../../cli/connector/status.ts'
import { makeOutput } from '../../cli/output.ts'
import type { ClientStatus } from '../../client/client.ts'
import type { TunnelStatus, WayStatus } from '../../client/way.ts'
import type { ConnectorStatus } from '../../connector/status.ts'

const NOW = 1_000_000

function printed(print: (out: ReturnType<typeof makeOutput>) => void): string {
  const written: string[] = []
  const stream = { on: () => stream, write: (more: string) => void written.push(more) }
  print(makeOutput({ stdout: stream, stderr: stream } as never))
  return written.join('')
}

const tunnel = (more: Partial<TunnelStatus>): TunnelStatus => ({
  ...{ edgeUrl: 'https://a', edgeName: 'a', state: 'open', since: NOW - 5_000, flows: 1 },
  ...{ keyAgreement: 'X25519MLKEM768', exporterMatched: true, rttMs: 1.25 },
  ...more,
})

function clientWith(way: Partial<WayStatus>): string {
  const whole = {
    ...{ tunnel: 'open', since: NOW - 9_000, edgeUrl: 'https://a', tunnels: [], flows: 2 },
    ...{ detached: 0, waiting: 0, names: 3, sessionExpiresAt: NOW },
    ...way,
  }
  const counts = { otherUser: 0, webPage: 0, noCredential: 0, unknownProtocol: 0 }
  const status = {
    ...{ schema: 1, profile: 'p', person: { subject: 's' }, pid: 1, startedAt: NOW, way: whole },
    ...{ proxy: { at: '127.0.0.1:1080', pac: '', counts }, loopback: undefined },
  }
  return printed((out) => printClient(status as unknown as ClientStatus, out, NOW))
}

test('byname status names each tunnel, how it is, its key agreement and whether TLS ends early', () => {
  const text = clientWith({
    detached: 4,
    tunnels: [
      tunnel({ state: 'draining', keyAgreement: 'X25519', exporterMatched: false }),
      tunnel({ edgeName: 'b', edgeUrl: 'https://b', rttMs: undefined }),
    ],
  })
  assert.match(
    text,
    /edge +a https:\/\/a, draining, up for 5 s, 1\.3 ms, X25519, TLS ends before the edge\n/,
  )
  assert.match(text, /edge +b https:\/\/b, open for 5 s, X25519MLKEM768\n/)
  assert.match(text, /2 open, 0 waiting, 4 without a tunnel/)
})

test('byname status says why there is no tunnel that will do, beside one in doubt', () => {
  const text = clientWith({
    tunnel: 'connecting',
    reason: 'nobody answers',
    tunnels: [tunnel({ state: 'in-doubt' })],
  })
  assert.match(text, /edge +a https:\/\/a, silent, up for 5 s/)
  assert.match(text, /edge +https:\/\/a, connecting for 9 s: nobody answers/)
})

test('byname connector status names the key agreement of each tunnel and waiting flows', () => {
  const seat = {
    ...{ edge: 'https://a', state: 'open', since: NOW, rttMs: 1, keyAgreement: 'X25519MLKEM768' },
    ...{ exporterMatched: false, flows: 3, failures: 0, lastError: undefined },
  }
  const status = {
    ...{ name: 'hq', deployment: 'd', startedAt: NOW, flows: 3, detached: 2, tunnels: [seat] },
    ...{ apps: [], notices: [] },
  }
  const text = printed((out) => printConnector(status as unknown as ConnectorStatus, out, NOW))
  assert.match(text, /3 flows \(2 without a tunnel\)/)
  assert.match(
    text,
    /https:\/\/a +open +0 s +3 +1\.0 ms +X25519MLKEM768 \(TLS ends before the edge\)/,
  )
})
