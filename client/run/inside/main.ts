/**
 * Runs inside the new namespaces, before the program and in its process: sets the network up, hands
 * the sockets that catch the program's connections and questions to byname outside, waits for its
 * word, and becomes the program. It loads little, for a person waits for it.
 */
import dgram from 'node:dgram'
import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import net from 'node:net'
import type { FromInside, Go, InsideSettings, InsideStep } from '../messages.ts'
import { become } from './become.ts'
import { hideNameServices } from './hide.ts'
import {
  bringLoopbackUp,
  layRules,
  proveAndUsePower,
  relaxLimits,
  takeEveryAddress,
} from './network.ts'
import { dieWithParent } from './orphan.ts'
import { transparentSocket } from './sockets.ts'

const BACKLOG = 4096
const settings: InsideSettings = JSON.parse(process.argv[2] ?? '')
const word = once(process, 'message') as Promise<[Go]>
dieWithParent(settings.parentPid)

let step: InsideStep = 'power'
try {
  const netlinkFd = setUp()
  step = 'sockets'
  await handOver()
  tell({ kind: 'ready', netlinkFd })
  // An exec is no exit: without this the compiled code of these files would never be kept.
  flushCompileCache()
} catch (error) {
  tell({ kind: 'failed', step, errno: errnoOf(error) })
}
const [go] = await word
process.exit(become(go, settings))

function setUp(): number {
  proveAndUsePower()
  step = 'loopback'
  bringLoopbackUp()
  step = 'routes'
  takeEveryAddress(settings.hasIpv6)
  step = 'rules'
  const netlink = layRules(settings.families)
  step = 'hide'
  hideNameServices()
  relaxLimits(process.getgid?.() ?? 0)
  return netlink.fd
}

async function handOver(): Promise<void> {
  for (const family of settings.families) {
    const server = net.createServer()
    server.listen({ fd: transparentSocket('tcp', family), backlog: BACKLOG })
    await once(server, 'listening')
    tell({ kind: 'socket', protocol: 'tcp', family }, server)
    const socket = dgram.createSocket({ type: `udp${family}`, ipv6Only: family === 6 })
    socket.bind({ fd: transparentSocket('udp', family) })
    tell({ kind: 'socket', protocol: 'udp', family }, socket)
  }
}

function tell(message: FromInside, handle?: net.Server | dgram.Socket): void {
  process.send?.(message, handle)
}

function errnoOf(error: unknown): string {
  const { errno, code, message } = error as { errno?: unknown; code?: string; message?: string }
  return typeof errno === 'string' ? errno : (code ?? message ?? String(error))
}
