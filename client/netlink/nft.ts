/**
 * nftables over nfnetlink, the part that byname's rules need (linux/netfilter/nf_tables.h): one batch
 * that the kernel takes whole or not at all. Numbers in attributes are big-endian, headers little.
 * A rule is a list of expressions that work on registers: a `match…` that fails ends the rule.
 */
import { attribute, encodeMessage, FLAG, nested } from './message.ts'

export interface NftBatch {
  readonly bytes: Buffer
  /** One acknowledgement a message, without those that open and close the batch. */
  readonly acks: number
}

/** Where a chain hooks in, in the `inet` family: numbers of netfilter's hooks, and its priority. */
export interface ChainHook {
  readonly type: 'filter' | 'nat'
  readonly hook: 'prerouting' | 'output'
  readonly priority: number
}

export type Register = 1 | 2

export function batch(...messages: Buffer[]): NftBatch {
  const around = (type: number) =>
    encodeMessage(type, FLAG.request, nfgenmsg(0, SUBSYSTEM_NFTABLES))
  const bytes = Buffer.concat([around(BATCH_BEGIN), ...messages, around(BATCH_END)])
  return { bytes, acks: messages.length }
}

export function addTable(table: string): Buffer {
  return command(NEWTABLE, FLAG.create, attribute(1, text(table)), attribute(2, uint32(0)))
}

/** A base chain whose policy is to accept. */
export function addChain(
  table: string,
  chain: string,
  { type, hook, priority }: ChainHook,
): Buffer {
  const hookNumber = hook === 'prerouting' ? 0 : 3
  return command(
    NEWCHAIN,
    FLAG.create,
    attribute(1, text(table)),
    attribute(3, text(chain)),
    nested(4, attribute(1, uint32(hookNumber)), attribute(2, int32(priority))),
    attribute(5, uint32(NF_ACCEPT)),
    attribute(7, text(type)),
  )
}

/** A chain that packets enter only by a jump. */
export function addInnerChain(table: string, chain: string): Buffer {
  return command(NEWCHAIN, FLAG.create, attribute(1, text(table)), attribute(3, text(chain)))
}

/** A named set of TCP ports, empty at first. */
export function addPortSet(table: string, set: string, id: number): Buffer {
  return command(
    NEWSET,
    FLAG.create,
    attribute(1, text(table)),
    attribute(2, text(set)),
    attribute(3, uint32(0)),
    attribute(4, uint32(TYPE_INET_SERVICE)),
    attribute(5, uint32(2)),
    attribute(10, uint32(id)),
  )
}

export const addPorts = (table: string, set: string, ports: readonly number[]) =>
  command(NEWSETELEM, FLAG.create, ...elements(table, set, ports))
export const removePorts = (table: string, set: string, ports: readonly number[]) =>
  command(DELSETELEM, 0, ...elements(table, set, ports))

/** Appends a rule. */
export function addRule(table: string, chain: string, ...expressions: Buffer[][]): Buffer {
  return command(
    NEWRULE,
    FLAG.create | FLAG.append,
    attribute(1, text(table)),
    attribute(2, text(chain)),
    nested(4, ...expressions.flat()),
  )
}

/** `meta l4proto`: 6 is TCP, 17 UDP. */
export const matchProtocol = (protocol: 'tcp' | 'udp') => [
  meta(META_L4PROTO),
  equal(Buffer.from([protocol === 'tcp' ? 6 : 17])),
]

/** `meta nfproto`: in an `inet` table, which of the two a packet is. */
export const matchFamily = (family: 4 | 6) => [
  meta(META_NFPROTO),
  equal(Buffer.from([family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6])),
]

/** `ip daddr` or `ip6 daddr`: the first bytes of the destination, whole octets. Match the family first. */
export const matchDestination = (family: 4 | 6, prefix: Uint8Array) => [
  payload(BASE_NETWORK, family === 4 ? 16 : 24, prefix.length),
  equal(prefix),
]

/** `th dport`: match the protocol first. */
export const matchPort = (port: number) => [destinationPort(), equal(uint16(port))]

/** `th dport != @set` */
export const matchPortOutside = (set: string, id: number) => [
  destinationPort(),
  expression(
    'lookup',
    attribute(1, text(set)),
    attribute(2, uint32(1)),
    attribute(4, uint32(id)),
    attribute(5, uint32(LOOKUP_INVERTED)),
  ),
]

/** `socket wildcard <= 1`: whether some socket of this namespace would take the packet. */
export const matchOwnSocket = () => [
  expression(
    'socket',
    attribute(1, uint32(SOCKET_WILDCARD)),
    attribute(2, uint32(1)),
    attribute(3, uint32(0)),
  ),
  compare(CMP_LTE, Buffer.from([1])),
]

export const accept = () => [verdict(attribute(1, uint32(NF_ACCEPT)))]

export const jumpTo = (chain: string) => [
  verdict(attribute(1, int32(NFT_JUMP)), attribute(2, text(chain))),
]

/** `redirect to :port`: to the loopback address of the packet's family. */
export const redirectTo = (port: number) => [
  load(1, uint16(port)),
  expression('redir', attribute(1, uint32(1)), attribute(3, uint32(NAT_RANGE_PROTO_SPECIFIED))),
]

/** `tproxy ip to address:port`: to a transparent socket there, destination unchanged. */
export const tproxyTo = (family: 4 | 6, address: Uint8Array, port: number) => [
  load(1, address),
  load(2, uint16(port)),
  expression(
    'tproxy',
    attribute(1, uint32(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6)),
    attribute(2, uint32(1)),
    attribute(3, uint32(2)),
  ),
]

const SUBSYSTEM_NFTABLES = 10
const BATCH_BEGIN = 0x10
const BATCH_END = 0x11
const [NEWTABLE, NEWCHAIN, NEWRULE, NEWSET, NEWSETELEM, DELSETELEM] = [0, 3, 6, 9, 12, 14]
const [NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6] = [1, 2, 10]
const NF_ACCEPT = 1
const NFT_JUMP = -3
const VERDICT_REGISTER = 0
const [META_NFPROTO, META_L4PROTO] = [15, 16]
const [BASE_NETWORK, BASE_TRANSPORT] = [1, 2]
const [CMP_EQ, CMP_LTE] = [0, 3]
const SOCKET_WILDCARD = 2
const LOOKUP_INVERTED = 1
const NAT_RANGE_PROTO_SPECIFIED = 2
/** Only nft's own listing looks at the type of a key. */
const TYPE_INET_SERVICE = 13

function command(type: number, flags: number, ...attributes: Buffer[]): Buffer {
  const header = nfgenmsg(NFPROTO_INET, 0)
  const all = FLAG.request | FLAG.ack | flags
  return encodeMessage((SUBSYSTEM_NFTABLES << 8) | type, all, header, ...attributes)
}

/** family, version 0, big-endian resource id. */
const nfgenmsg = (family: number, resource: number) => Buffer.from([family, 0, 0, resource])

function elements(table: string, set: string, ports: readonly number[]): Buffer[] {
  const items = ports.map((port) => nested(1, nested(1, attribute(1, uint16(port)))))
  return [attribute(1, text(table)), attribute(2, text(set)), nested(3, ...items)]
}

const expression = (name: string, ...attributes: Buffer[]) =>
  nested(1, attribute(1, text(name)), nested(2, ...attributes))
const meta = (key: number) => expression('meta', attribute(2, uint32(key)), attribute(1, uint32(1)))
const equal = (value: Uint8Array) => compare(CMP_EQ, value)
const compare = (op: number, value: Uint8Array) =>
  expression('cmp', attribute(1, uint32(1)), attribute(2, uint32(op)), data(3, value))
const verdict = (...attributes: Buffer[]) =>
  expression(
    'immediate',
    attribute(1, uint32(VERDICT_REGISTER)),
    nested(2, nested(2, ...attributes)),
  )
const load = (register: Register, value: Uint8Array) =>
  expression('immediate', attribute(1, uint32(register)), data(2, value))
const destinationPort = () => payload(BASE_TRANSPORT, 2, 2)
const payload = (base: number, offset: number, length: number) =>
  expression(
    'payload',
    attribute(1, uint32(1)),
    attribute(2, uint32(base)),
    attribute(3, uint32(offset)),
    attribute(4, uint32(length)),
  )
const data = (type: number, value: Uint8Array) => nested(type, attribute(1, value))

const text = (value: string) => Buffer.from(`${value}\0`)

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
