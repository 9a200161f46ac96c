import { dlopen, getInt32 } from 'node:ffi'
import { closeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { isAnswer, type NetlinkMessage, readMessages, withSequence } from './message.ts'

/** Netlink protocols that byname speaks (linux/netlink.h). */
export const NETLINK = { route: 0, sockDiag: 4, netfilter: 12 } as const

/**
 * A netlink socket of this process, in the network namespace that it was opened in. Calls are
 * synchronous and take microseconds; a kernel that does not answer within a second is an error.
 */
export interface Netlink {
  readonly fd: number
  /**
   * Sends one or several messages in one datagram and waits for as many acknowledgements
   * (NLMSG_ERROR with 0, or NLMSG_DONE at the end of a dump: ask for them with NLM_F_ACK or
   * NLM_F_DUMP). Sequence numbers are filled in here. Returns the other replies, whole messages with
   * their 16-byte header, in order.
   * @throws {NetlinkError}
   */
  request(messages: Uint8Array, expectedAcks: number): Buffer[]
  /**
   * Sends one message that asks for one thing and for no acknowledgement. Returns the reply, which is
   * good until the next call only: nothing is allocated for it.
   * @throws {NetlinkError}
   */
  ask(message: Buffer): Buffer
  close(): void
}

/** What the kernel refused: `errno` by name, and which of the messages sent (from 0) it concerns. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError'
  readonly code = 'ERR_NETLINK'
  readonly errno: string
  readonly step: 'socket' | 'send' | 'receive' | 'answer'
  readonly messageIndex: number | undefined
  constructor(step: NetlinkError['step'], errno: number, messageIndex?: number) {
    const errnoName = getSystemErrorName(-errno)
    super(`netlink ${step}: ${errnoName}`)
    this.step = step
    this.errno = errnoName
    this.messageIndex = messageIndex
  }
}

/** @throws {NetlinkError} where the kernel has no such protocol or a seccomp filter forbids it. */
export function openNetlink(protocol: (typeof NETLINK)[keyof typeof NETLINK]): Netlink {
  const fd = must('socket', libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))
  return netlinkOn(fd)
}

/** Speaks over a netlink socket that was opened elsewhere; owns the descriptor from now on. */
export function netlinkOn(fd: number): Netlink {
  libc().setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, ONE_SECOND, ONE_SECOND.length)
  let sequence = 0
  return {
    fd,
    request(messages, expectedAcks) {
      const first = sequence + 1
      const { bytes, last } = withSequence(messages, first)
      sequence = last
      must('send', Number(libc().send(fd, bytes, BigInt(bytes.length), 0)))
      return collect(fd, { first, last, expectedAcks })
    },
    ask(message) {
      message.writeUInt32LE(++sequence, SEQUENCE_AT)
      must('send', Number(libc().send(fd, message, BigInt(message.length), 0)))
      return receiveReply(fd, sequence)
    },
    close: () => closeSync(fd),
  }
}

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const ONE_SECOND = Buffer.from(BigInt64Array.of(1n, 0n).buffer)
/** Calls are synchronous: one buffer does for all sockets. Large ones cost the collector dear. */
const RECEIVED = Buffer.allocUnsafeSlow(65_536)
const SEQUENCE_AT = 8

interface Expected {
  readonly first: number
  readonly last: number
  readonly expectedAcks: number
}

function collect(fd: number, { first, last, expectedAcks }: Expected): Buffer[] {
  const replies: Buffer[] = []
  for (let acks = 0; acks < expectedAcks; ) {
    for (const message of receive(fd)) {
      // Late answers to a request that failed early are not ours.
      if (message.sequence < first || message.sequence > last) continue
      if (!isAnswer(message)) replies.push(Buffer.from(message.bytes))
      else if (message.errno === 0) acks++
      else throw new NetlinkError('answer', message.errno, message.sequence - first)
    }
  }
  return replies
}

function receiveReply(fd: number, sequence: number): Buffer {
  for (;;) {
    for (const message of receive(fd)) {
      if (message.sequence !== sequence) continue
      if (!isAnswer(message)) return message.bytes
      throw new NetlinkError('answer', message.errno, 0)
    }
  }
}

/** Views of what the next call overwrites. */
function receive(fd: number): NetlinkMessage[] {
  const length = must('receive', Number(libc().recv(fd, RECEIVED, BigInt(RECEIVED.length), 0)))
  return readMessages(RECEIVED.subarray(0, length))
}

function must(step: NetlinkError['step'], result: number): number {
  if (result < 0) throw new NetlinkError(step, getInt32(libc().__errno_location(), 0))
  return result
}

// `arguments` and `return` are the keys that node:ffi reads: other spellings mean "no arguments".
const load = () =>
  dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'], return: 'int32' },
    send: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    __errno_location: { arguments: [], return: 'pointer' },
  }).functions

let loaded: ReturnType<typeof load> | undefined
function libc(): ReturnType<typeof load> {
  loaded ??= load()
  return loaded
}
