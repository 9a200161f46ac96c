import { attribute, encodeMessage, FLAG } from './message.ts'

/** The loopback device has index 1 in every network namespace. */
export const LOOPBACK_INDEX = 1

/** RTM_NEWLINK that sets a device up. Asks for one acknowledgement. */
export function linkUp(index: number): Buffer {
  const ifinfo = Buffer.alloc(16)
  ifinfo.writeInt32LE(index, 4)
  ifinfo.writeUInt32LE(IFF_UP, 8) // the flags
  ifinfo.writeUInt32LE(IFF_UP, 12) // and which of them are meant
  return encodeMessage(RTM_NEWLINK, FLAG.request | FLAG.ack, ifinfo)
}

/**
 * RTM_NEWROUTE `local default dev lo`: every address becomes one of this namespace's own ("AnyIP").
 * With `source`, what a program's unbound socket gets as its own address: without it the kernel takes
 * the destination, which confuses rules and people. Asks for one acknowledgement.
 */
export function everyAddressIsLocal(family: 4 | 6, source?: Uint8Array): Buffer {
  const header = Buffer.alloc(12)
  header[0] = family === 4 ? AF_INET : AF_INET6
  header[4] = RT_TABLE_LOCAL
  header[5] = RTPROT_BOOT
  header[6] = RT_SCOPE_HOST
  header[7] = RTN_LOCAL
  const parts = [attribute(RTA_OIF, uint32(LOOPBACK_INDEX))]
  if (source) parts.push(attribute(RTA_PREFSRC, source))
  const flags = FLAG.request | FLAG.ack | FLAG.create | FLAG.excl
  return encodeMessage(RTM_NEWROUTE, flags, header, ...parts)
}

/** RTM_GETROUTE: how an IPv4 address would be reached. Asks for one acknowledgement. */
export function askRoute(address: Uint8Array): Buffer {
  const header = Buffer.alloc(12)
  header[0] = AF_INET
  header[1] = 32
  return encodeMessage(RTM_GETROUTE, FLAG.request | FLAG.ack, header, attribute(RTA_DST, address))
}

/** Whether the answer to {@link askRoute} says that the address is this namespace's own. */
export function isLocalRoute(answer: Buffer): boolean {
  return answer.length >= 28 && answer.readUInt16LE(4) === RTM_NEWROUTE && answer[23] === RTN_LOCAL
}

// linux/rtnetlink.h, linux/if.h
const RTM_NEWLINK = 16
const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
const IFF_UP = 1
const AF_INET = 2
const AF_INET6 = 10
const RT_TABLE_LOCAL = 255
const RTPROT_BOOT = 3
const RT_SCOPE_HOST = 254
const RTN_LOCAL = 2
const RTA_DST = 1
const RTA_OIF = 4
const RTA_PREFSRC = 7

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
