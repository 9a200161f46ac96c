import { encodeMessage, FLAG } from './message.ts'

/** Asks sock_diag for the TCP sockets of a family that listen (linux/inet_diag.h): one dump. */
export function askListening(family: 4 | 6): Buffer {
  const body = Buffer.alloc(56)
  body[0] = family === 4 ? AF_INET : AF_INET6
  body[1] = IPPROTO_TCP
  body.writeUInt32LE(1 << TCP_LISTEN, 4)
  return encodeMessage(SOCK_DIAG_BY_FAMILY, FLAG.request | FLAG.dump, body)
}

/** A listening socket: the families in which it answers on the loopback, and its port. */
export interface Listening {
  readonly port: number
  readonly families: readonly (4 | 6)[]
}

/** Reads one message of the dump; a socket that only other addresses reach has no families. */
export function readListening(message: Buffer): Listening | undefined {
  if (message.length < ATTRIBUTES_AT || message.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY) {
    return undefined
  }
  const port = message.readUInt16BE(HEADER_BYTES + 4)
  const address = message.subarray(HEADER_BYTES + 8, HEADER_BYTES + 24)
  if (message[HEADER_BYTES] === AF_INET) return { port, families: loopback4(address) ? [4] : [] }
  if (isZero(address)) return { port, families: isOnlyIpv6(message) ? [6] : [4, 6] }
  if (isMapped(address)) return { port, families: loopback4(address.subarray(12)) ? [4] : [] }
  return { port, families: isLoopback6(address) ? [6] : [] }
}

const [AF_INET, AF_INET6] = [2, 10]
const IPPROTO_TCP = 6
const TCP_LISTEN = 10
const SOCK_DIAG_BY_FAMILY = 20
const HEADER_BYTES = 16
/** Behind the header and struct inet_diag_msg. */
const ATTRIBUTES_AT = HEADER_BYTES + 72
const INET_DIAG_SKV6ONLY = 11

const loopback4 = (address: Buffer) => address[0] === 127 || isZero(address.subarray(0, 4))
const isZero = (bytes: Buffer) => bytes.every((octet) => octet === 0)
const isLoopback6 = (address: Buffer) => isZero(address.subarray(0, 15)) && address[15] === 1
const isMapped = (address: Buffer) =>
  isZero(address.subarray(0, 10)) && address[10] === 0xff && address[11] === 0xff

/** The attribute is there for every listening IPv6 socket. */
function isOnlyIpv6(message: Buffer): boolean {
  for (let at = ATTRIBUTES_AT; at + 4 <= message.length; ) {
    const length = message.readUInt16LE(at)
    if (length < 4) return false
    if (message.readUInt16LE(at + 2) === INET_DIAG_SKV6ONLY) return message[at + 4] === 1
    at += (length + 3) & ~3
  }
  return false
}
