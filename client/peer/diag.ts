import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { encodeMessage, FLAG } from '../netlink/message.ts'

/** One TCP connection, seen from the socket that is asked about. */
export interface FourTuple {
  readonly local: { readonly address: string; readonly port: number }
  readonly remote: { readonly address: string; readonly port: number }
}

/** What the kernel says about one socket (struct inet_diag_msg of linux/inet_diag.h). */
export interface SocketFacts extends FourTuple {
  readonly state: number
  readonly uid: number
  readonly inode: number
}

/** TCP states of include/net/tcp_states.h in which a socket still belongs to a program. */
const OWNED_STATES = new Set([1 /* established */, 4, 5 /* fin-wait */, 8 /* close-wait */, 9, 11])

const SOCK_DIAG_BY_FAMILY = 20
const IPPROTO_TCP = 6
const ALL_STATES = 0xffffffff
const HEADER_BYTES = 16
const MESSAGE_BYTES = 72

/** Asks for exactly one socket: no dump, so the cost does not grow with the machine's connections. */
export function encodeQuery({ local, remote }: FourTuple): Buffer {
  const body = Buffer.alloc(56)
  body[0] = isIPv4(local.address) ? 2 : 10
  body[1] = IPPROTO_TCP
  body.writeUInt32LE(ALL_STATES, 4)
  body.writeUInt16BE(local.port, 8)
  body.writeUInt16BE(remote.port, 10)
  body.set(ipaddr.parse(local.address).toByteArray(), 12)
  body.set(ipaddr.parse(remote.address).toByteArray(), 28)
  body.fill(0xff, 48, 56) // INET_DIAG_NOCOOKIE
  return encodeMessage(SOCK_DIAG_BY_FAMILY, FLAG.request | FLAG.ack, body)
}

export function readAnswer(message: Buffer): SocketFacts | undefined {
  if (message.length < HEADER_BYTES + MESSAGE_BYTES) return undefined
  if (message.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY) return undefined
  const body = message.subarray(HEADER_BYTES)
  const width = body[0] === 10 ? 16 : 4
  return {
    state: body[1] ?? 0,
    local: { address: addressAt(body, 8, width), port: body.readUInt16BE(4) },
    remote: { address: addressAt(body, 24, width), port: body.readUInt16BE(6) },
    uid: body.readUInt32LE(64),
    inode: body.readUInt32LE(68),
  }
}

/**
 * The uid of the program that holds the socket, or `undefined` when none does. A closed socket lives
 * on without an owner (no inode) and is then reported with uid 0: it must not pass for root's. When
 * the connection is gone the kernel answers with a listener on the same port: that is not it either.
 */
export function ownerOf(facts: SocketFacts | undefined, asked: FourTuple): number | undefined {
  if (!facts || facts.inode === 0 || !OWNED_STATES.has(facts.state)) return undefined
  const isSame =
    facts.local.port === asked.local.port &&
    facts.remote.port === asked.remote.port &&
    facts.local.address === plain(asked.local.address) &&
    facts.remote.address === plain(asked.remote.address)
  return isSame ? facts.uid : undefined
}

/** IPv4 in an IPv6 socket (Java's, say) is reported as ::ffff:127.0.0.1. */
const plain = (address: string) => ipaddr.process(address).toString()
const addressAt = (body: Buffer, at: number, width: number) =>
  plain(ipaddr.fromByteArray([...body.subarray(at, at + width)]).toString())
