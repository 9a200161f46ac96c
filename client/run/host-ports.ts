import { globSync, readFileSync } from 'node:fs'
import { askListening, readListening } from '../netlink/listening.ts'
import { askRoute, isLocalRoute } from '../netlink/route.ts'
import { NETLINK, NetlinkError, openNetlink } from '../netlink/socket.ts'
import { type HostPorts, MAX_HOST_PORTS } from './rules.ts'

/**
 * The ports that the host's loopback answers on, by which the inside knows which to refuse at once.
 * `undefined` where listening sockets are not all that answers (the loopback is translated to other
 * machines, or this is itself inside `byname run`) or cannot be listed: then every port is dialled.
 */
export function findHostPorts(): HostPorts | undefined {
  try {
    return isLoopbackTranslated() || isEveryAddressLocal() ? undefined : listHostPorts()
  } catch (error) {
    if (error instanceof NetlinkError) return undefined
    throw error
  }
}

/** @throws {NetlinkError} */
export function listHostPorts(): HostPorts | undefined {
  const netlink = openNetlink(NETLINK.sockDiag)
  try {
    return collectPorts(
      [4, 6].flatMap((family) => netlink.request(askListening(family as 4 | 6), 1)),
    )
  } finally {
    netlink.close()
  }
}

export function collectPorts(messages: readonly Buffer[]): HostPorts | undefined {
  // DNS over TCP is answered by byname itself, whoever listens.
  const ports = { 4: new Set([DNS]), 6: new Set([DNS]) }
  for (const listening of messages.map(readListening)) {
    for (const family of listening?.families ?? []) ports[family].add(listening?.port ?? 0)
  }
  if (ports[4].size > MAX_HOST_PORTS || ports[6].size > MAX_HOST_PORTS) return undefined
  return { 4: [...ports[4]], 6: [...ports[6]] }
}

const DNS = 53
/** TEST-NET-1: nobody's address, unless every address is local. */
const NOBODY = Buffer.from([192, 0, 2, 1])

function isEveryAddressLocal(): boolean {
  const netlink = openNetlink(NETLINK.route)
  try {
    return netlink.request(askRoute(NOBODY), 1).some(isLocalRoute)
  } catch (error) {
    // No route at all: then it is not local.
    if (error instanceof NetlinkError && error.step === 'answer') return false
    throw error
  } finally {
    netlink.close()
  }
}

/** Docker without its user-land proxy and kube-proxy send 127.0.0.1:PORT on to other machines. */
function isLoopbackTranslated(): boolean {
  return globSync('/proc/sys/net/ipv4/conf/*/route_localnet').some(isOn)
}

function isOn(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').trim() === '1'
  } catch {
    // The device is gone meanwhile.
    return false
  }
}
