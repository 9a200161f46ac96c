import { isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Why an address is not dialled. */
export type VetoReason =
  | 'not-an-address'
  | 'unspecified'
  | 'loopback'
  | 'link-local'
  | 'multicast'
  | 'broadcast'
  | 'cloud-metadata'

export type Verdict =
  | { readonly kind: 'dial'; readonly address: string; readonly family: 4 | 6 }
  | { readonly kind: 'forbidden'; readonly address: string; readonly reason: VetoReason }

/**
 * Whether the connector may dial `address`, which is the very text that will be dialled: what a name
 * resolved to, or a literal. Refused are addresses that lead back into this machine or to what hands
 * out its credentials, however they are embedded in an IPv6 one; except those that the app's own `to`
 * names (`named`), for then it is what its owner wants.
 */
export function judgeAddress(address: string, named: readonly string[] = []): Verdict {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return { kind: 'forbidden', address, reason: 'not-an-address' }
  const isNamed = named.some((one) => canonicalAddress(one) === canonical)
  const reason = isNamed ? undefined : reasonNotToDial(canonical)
  if (reason) return { kind: 'forbidden', address: canonical, reason }
  return { kind: 'dial', address: canonical, family: isIPv4(canonical) ? 4 : 6 }
}

/**
 * One spelling for each address, an IPv4-mapped one as the IPv4 address that the kernel would dial;
 * `undefined` for what is no literal. A zone (`%eth0`) is dropped: only link-local ones need it.
 */
export function canonicalAddress(text: string): string | undefined {
  // Four decimal numbers without leading zeros: there is no other spelling of it.
  return isIPv4(text) ? text : readAddress(text)?.toString()
}

/** Flows go to the same few addresses again and again. */
const MAX_REMEMBERED = 4096
const remembered = new Map<string, VetoReason | undefined>()

function reasonNotToDial(canonical: string): VetoReason | undefined {
  if (remembered.has(canonical)) return remembered.get(canonical)
  const reason = vetoOf(ipaddr.process(canonical))
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(canonical, reason)
  return reason
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Strict: ipaddr.js alone takes `127.1`, `0x7f.1` and `017700000001` for addresses. */
function readAddress(text: string): Address | undefined {
  const bare = text.replace(/%.*$/s, '')
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare)
}

function vetoOf(address: Address): VetoReason | undefined {
  const table = address.kind() === 'ipv4' ? VETO_4 : VETO_6
  for (const [range, reason] of table) if (address.match(range)) return reason
  for (const inner of embeddedIn(address)) {
    const reason = vetoOf(inner)
    if (reason) return reason
  }
  return undefined
}

type Row = readonly [range: [Address, number], reason: VetoReason]
const row = (cidr: string, reason: VetoReason): Row => [ipaddr.parseCIDR(cidr), reason]

const VETO_4: readonly Row[] = [
  row('0.0.0.0/8', 'unspecified'), // RFC 1122 §3.2.1.3; Linux takes 0.0.0.0 for this machine
  row('127.0.0.0/8', 'loopback'),
  row('169.254.169.254/32', 'cloud-metadata'), // AWS, Azure, Google, Oracle, OpenStack and more
  row('169.254.170.2/32', 'cloud-metadata'), // AWS ECS task credentials
  row('169.254.0.0/16', 'link-local'),
  row('100.100.100.200/32', 'cloud-metadata'), // Alibaba
  row('168.63.129.16/32', 'cloud-metadata'), // Azure's wire server: a public address
  row('192.0.0.192/32', 'cloud-metadata'), // Oracle Cloud Classic
  row('224.0.0.0/4', 'multicast'),
  row('255.255.255.255/32', 'broadcast'),
]

const VETO_6: readonly Row[] = [
  row('::/128', 'unspecified'),
  row('::1/128', 'loopback'),
  row('fe80::/10', 'link-local'),
  row('fec0::/10', 'link-local'), // site-local until RFC 3879; its scope is as undefined
  row('ff00::/8', 'multicast'),
  row('fd00:ec2::/32', 'cloud-metadata'), // AWS: ::254, and ::23 for EKS pod identity
  row('fd20:ce::254/128', 'cloud-metadata'), // Google
  row('fd00:c1::a9fe:a9fe/128', 'cloud-metadata'), // Oracle
  row('fd00:42::42/128', 'cloud-metadata'), // Scaleway
]

/** Where an IPv6 address carries an IPv4 one that a gateway or the kernel itself may dial instead. */
function embeddedIn(address: Address): ipaddr.IPv4[] {
  if (address.kind() === 'ipv4') return []
  const bytes = address.toByteArray()
  const at = (...indexes: number[]) => new ipaddr.IPv4(indexes.map((index) => bytes[index] ?? 0))
  const last = at(12, 13, 14, 15)
  return EMBEDDINGS.filter(([range]) => address.match(range))
    .flatMap(([, where]) => {
      switch (where) {
        case 'last':
          return [last]
        case '6to4':
          return [at(2, 3, 4, 5)]
        case 'teredo':
          return [at(4, 5, 6, 7), new ipaddr.IPv4(last.octets.map((octet) => octet ^ 0xff))]
        case 'nat64-48':
          // RFC 6052 §2.2: a /48 prefix puts the address around byte 8; longer ones further back.
          return likely([at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), last])
        default:
          return where satisfies never
      }
    })
    .concat(isIsatap(bytes) ? [last] : [])
}

/** Which layout is meant cannot be told: those that would be 0.x are the padding of another one. */
function likely(layouts: ipaddr.IPv4[]): ipaddr.IPv4[] {
  const plausible = layouts.filter((layout) => layout.octets[0] !== 0)
  return plausible.length > 0 ? plausible : layouts
}

type Where = 'last' | '6to4' | 'teredo' | 'nat64-48'
const embedding = (cidr: string, where: Where): [[Address, number], Where] => [
  ipaddr.parseCIDR(cidr),
  where,
]

const EMBEDDINGS: readonly (readonly [range: [Address, number], where: Where])[] = [
  embedding('::/96', 'last'), // IPv4-compatible, RFC 4291 §2.5.5.1
  embedding('::ffff:0:0/96', 'last'), // mapped; ipaddr.process has unwrapped it, unless it is nested
  embedding('::ffff:0:0:0/96', 'last'), // SIIT, RFC 2765 §2.1
  embedding('64:ff9b::/96', 'last'), // NAT64, RFC 6052 §2.1
  embedding('64:ff9b:1::/48', 'nat64-48'), // local NAT64, RFC 8215
  embedding('2002::/16', '6to4'), // RFC 3056 §2
  embedding('2001::/32', 'teredo'), // RFC 4380 §4: server, and client with its bits turned
]

/** `…:0:5efe:a.b.c.d` or `…:200:5efe:a.b.c.d` under any prefix (RFC 5214 §6.1). */
function isIsatap(bytes: number[]): boolean {
  return (
    ((bytes[8] ?? 0) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe
  )
}
