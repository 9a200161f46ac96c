import { readFileSync } from 'node:fs'
import type { EnclosureOptions } from './enclosure.ts'

/** What of the host decides how the inside is set up. Takes a millisecond or two. */
export function lookAtHost(read: (file: string) => string = readOrNothing): EnclosureOptions {
  const hasFamily6 = read('/proc/net/if_inet6') !== ''
  return {
    families: hasFamily6 ? [4, 6] : [4],
    hasIpv6: hasFamily6 && hasDefaultRoute6(read('/proc/net/ipv6_route')),
    keepsPower: hasPower(read('/proc/self/status')),
  }
}

/** Whether some IPv6 default route leads out (a row of /proc/net/ipv6_route, 10 fields). */
export function hasDefaultRoute6(text: string): boolean {
  return text.split('\n').some((line) => {
    const [destination, prefix, , , , , , , flags = '', device] = line.trim().split(/\s+/)
    const isDefault = /^0{32}$/.test(destination ?? '') && prefix === '00' && device !== 'lo'
    return isDefault && (Number.parseInt(flags, 16) & RTF_REJECT) === 0
  })
}

/** Root that may make namespaces without a user namespace, where sudo and apt go on working. */
export function hasPower(status: string): boolean {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1]
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  return uid === '0' && (effective & NEEDED) === NEEDED
}

const RTF_REJECT = 0x200
const CAP_NET_ADMIN = 12n
const CAP_SYS_ADMIN = 21n
const NEEDED = (1n << CAP_NET_ADMIN) | (1n << CAP_SYS_ADMIN)

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
