import { writeFileSync } from 'node:fs'
import { everyAddressIsLocal, LOOPBACK_INDEX, linkUp } from '../../netlink/route.ts'
import { NETLINK, type Netlink, openNetlink } from '../../netlink/socket.ts'
import { type Families, innerRules, LOOPBACK } from '../rules.ts'

/**
 * Whether this namespace obeys us: where the kernel makes namespaces but gives no power in them
 * (AppArmor), this write is what fails. It is also needed: the program may listen on port 80.
 * @throws with an errno `code`
 */
export function proveAndUsePower(): void {
  writeFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', '0')
}

export function bringLoopbackUp(): void {
  ask(NETLINK.route, linkUp(LOOPBACK_INDEX))
}

/** Every address becomes local, so that every connection passes the rules. */
export function takeEveryAddress(hasIpv6: boolean): void {
  ask(NETLINK.route, everyAddressIsLocal(4, LOOPBACK[4]))
  // Without a way out, a program must see at once that IPv6 leads nowhere and take IPv4.
  if (hasIpv6) ask(NETLINK.route, everyAddressIsLocal(6))
}

/** Gives the socket back: whoever holds it can change the rules later. */
export function layRules(families: Families): Netlink {
  const netlink = openNetlink(NETLINK.netfilter)
  const { bytes, acks } = innerRules(families)
  netlink.request(bytes, acks)
  return netlink
}

/** Conveniences that some kernels do not have: a program may ping, and bind an IPv6 address of the host. */
export function relaxLimits(gid: number): void {
  tryWrite('/proc/sys/net/ipv4/ping_group_range', `${gid} ${gid}`)
  tryWrite('/proc/sys/net/ipv6/ip_nonlocal_bind', '1')
}

function ask(protocol: 0 | 12, message: Buffer): void {
  const netlink = openNetlink(protocol)
  try {
    netlink.request(message, 1)
  } finally {
    netlink.close()
  }
}

function tryWrite(file: string, value: string): void {
  try {
    writeFileSync(file, value)
  } catch {}
}
