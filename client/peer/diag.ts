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
/** struct inet_diag_sockid: both ports and both addresses, 36 bytes, in a query and in an answer. */
const ID_BYTES = 36
const QUERY_ID_AT = 8
const ANSWER_ID_AT = 4
const UID_AT = 64
const INODE_AT = 68

/** Asks for exactly one socket: no dump, so the cost does not grow with the machine's connections. */
export function encodeQuery({ local, remote }: FourTuple): Buffer {
  const body = Buffer.alloc(56)
  body[0] = isIPv4(local.address) ? 2 : 10
  body[1] = IPPROTO_TCP
  body.writeUInt32LE(ALL_STATES, 4)
  body.writeUInt16BE(local.port, QUERY_ID_AT)
  body.writeUInt16BE(remote.port, QUERY_ID_AT + 2)
  putAddress(body, QUERY_ID_AT + 4, local.address)
  putAddress(body, QUERY_ID_AT + 20, remote.address)
  body.fill(0xff, 48, 56) // INET_DIAG_NOCOOKIE
  return encodeMessage(SOCK_DIAG_BY_FAMILY, FLAG.request, body)
}

/**
 * The uid of the program that holds the socket which `query` asks about (see {@link ownerOf}). An
 * answer mostly names the socket in the very octets of the query; IPv4 within IPv6 does not.
 */
export function readOwner(answer: Buffer, query: Buffer, asked: FourTuple): number | undefined {
  const isSame = isWholeAnswer(answer) && namesSameSocket(answer, query)
  if (!isSame) return ownerOf(readAnswer(answer), asked)
  const at = HEADER_BYTES
  const [state = 0, uid] = [answer[at + 1], answer.readUInt32LE(at + UID_AT)]
  return isOwned(state, answer.readUInt32LE(at + INODE_AT)) ? uid : undefined
}

export function readAnswer(message: Buffer): SocketFacts | undefined {
  if (!isWholeAnswer(message)) return undefined
  const body = message.subarray(HEADER_BYTES)
  const width = body[0] === 10 ? 16 : 4
  return {
    state: body[1] ?? 0,
    local: { address: addressAt(body, 8, width), port: body.readUInt16BE(4) },
    remote: { address: addressAt(body, 24, width), port: body.readUInt16BE(6) },
    uid: body.readUInt32LE(UID_AT),
    inode: body.readUInt32LE(INODE_AT),
  }
}

/**
 * The uid of the program that holds the socket, or `undefined` when none does. A closed socket lives
 * on without an owner (no inode) and is then reported with uid 0: it must not pass for root's. When
 * the connection is gone the kernel answers with a listener on the same port: that is not it either.
 */
export function ownerOf(facts: SocketFacts | undefined, asked: FourTuple): number | undefined {
  if (!facts || !isOwned(facts.state, facts.inode)) return undefined
  const isSame =
    facts.local.port === asked.local.port &&
    facts.remote.port === asked.remote.port &&
    facts.local.address === plain(asked.local.address) &&
    facts.remote.address === plain(asked.remote.address)
  return isSame ? facts.uid : undefined
}

const isOwned = (state: number, inode: number) => inode !== 0 && OWNED_STATES.has(state)

const isWholeAnswer = (message: Buffer) =>
  message.length >= HEADER_BYTES + MESSAGE_BYTES && message.readUInt16LE(4) === SOCK_DIAG_BY_FAMILY

function namesSameSocket(answer: Buffer, query: Buffer): boolean {
  if (answer[HEADER_BYTES] !== query[HEADER_BYTES]) return false
  const [one, other] = [HEADER_BYTES + ANSWER_ID_AT, HEADER_BYTES + QUERY_ID_AT]
  return query.compare(answer, one, one + ID_BYTES, other, other + ID_BYTES) === 0
}

function putAddress(body: Buffer, at: number, address: string): void {
  if (isIPv4(address)) for (const [i, octet] of address.split('.').entries()) body[at + i] = +octet
  else body.set(ipaddr.parse(address).toByteArray(), at)
}

/** IPv4 in an IPv6 socket (Java's, say) is reported as ::ffff:127.0.0.1. */
const plain = (address: string) => ipaddr.process(address).toString()
const addressAt = (body: Buffer, at: number, width: number) =>
  plain(ipaddr.fromByteArray([...body.subarray(at, at + width)]).toString())
