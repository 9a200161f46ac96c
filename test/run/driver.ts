/**
 * `byname run` with doubles of the way and the leases, as a process of its own: the tests start it as
 * whichever user they like.
 *
 *   node test/run/driver.ts COMMAND…
 *   DRIVER_NAMES    {"wiki.corp.internal": 40001, …}: names of ours and the host's port behind each
 *   DRIVER_REFUSED  names of ours that the gate refuses
 *   DRIVER_DNS      port of the DNS server on 127.0.0.1 that everything else is asked of
 *   DRIVER_WORLD    "never": the edge does not answer; "refuses": there is no such profile
 */
import { connect } from 'node:net'
import { EXIT, failureOf, makeOutput } from '../../cli/output.ts'
import { makeOnce } from '../../client/refusal.ts'
import { commandOf } from '../../client/run/command.ts'
import { endLike } from '../../client/run/ending.ts'
import { run } from '../../client/run/run.ts'
import { say } from '../../client/run/say.ts'
import type { World } from '../../client/run/world.ts'
import { Ownership } from '../../resolver/catalog.ts'
import { candidateRanges } from '../../resolver/choice.ts'
import { makeUpstream } from '../../resolver/dns/upstream.ts'
import { openLeaseMemory } from '../../resolver/lease-file.ts'
import { Leases } from '../../resolver/leases.ts'
import { serveResolver } from '../../resolver/listen.ts'
import { addressBytes } from '../../resolver/range.ts'
import { makeResolver } from '../../resolver/resolver.ts'

const ports: Record<string, number> = JSON.parse(process.env.DRIVER_NAMES ?? '{}')
const refused = (process.env.DRIVER_REFUSED ?? '').split(' ').filter(Boolean)
const dnsPort = Number(process.env.DRIVER_DNS ?? 53)
const world = process.env.DRIVER_WORLD ?? ''
for (const name of Object.keys(process.env).filter((one) => one.startsWith('DRIVER_'))) {
  delete process.env[name]
}
const command = commandOf(process.argv.length - 2)

const out = makeOutput(process)
try {
  endLike(await run({ command, openWorld }))
} catch (error) {
  out.fail(failureOf(error))
  process.exitCode = (error as { exitCode?: number }).exitCode ?? EXIT.no
}

async function openWorld(): Promise<World> {
  if (world === 'never') return new Promise(() => {})
  if (world === 'refuses') throw Object.assign(new Error('no such profile'), { exitCode: 4 })
  return openDoubles()
}

function openDoubles(): World {
  const entries = [...Object.keys(ports), ...refused].map((pattern) => ({
    pattern,
    owned: true,
    ports: [],
  }))
  const ownership = new Ownership({ kept: { zones: ['corp.internal'], entries } })
  const [range] = candidateRanges(Buffer.alloc(7, 1))
  if (range === undefined) throw new Error('no range')
  const leases = new Leases(openLeaseMemory(), { class: range.class, v4: range.v4 })
  const resolver = makeResolver({
    ownership,
    leases,
    askConnector: async () => ({ kind: 'absent', ttlSeconds: 0 }),
    upstream: makeUpstream({
      servers: () => [{ address: '127.0.0.1', port: dnsPort }],
      clock: Date.now,
    }),
    clock: Date.now,
  })
  const dns = serveResolver(resolver)
  const sayOnce = makeOnce(say, { clock: Date.now })
  const names = {
    nameAt: (address: string) => resolver.nameAt(address),
    holds: (address: string) => leases.holds(addressBytes(address) ?? new Uint8Array()),
  }
  return {
    names,
    carry(socket, name, port) {
      const to = ports[name]
      if (to === undefined) {
        socket.resetAndDestroy()
        const refusal = { code: 'policy-denied', reason: 'no rule allows it' } as const
        return sayOnce(refusal, { name, port }, { subject: 'bob', email: 'bob@example.com' })
      }
      const origin = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
      // The origin learns which port was meant: that is what the tests look at.
      origin.on('connect', () => socket.pipe(origin).pipe(socket))
      origin.on('error', () => socket.resetAndDestroy())
      socket.on('error', () => origin.resetAndDestroy())
    },
    takeDns: (socket) => dns.takeConnection(socket),
    takeQuestions: (socket) => dns.addUdp(socket),
    flows: 0,
    close: async () => dns.close(),
  }
}
