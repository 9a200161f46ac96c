import { dlopen } from 'node:ffi'
import { closeSync } from 'node:fs'
import { type Netlink, NetlinkError, netlinkOn } from '../netlink/socket.ts'
import { findHostPorts, listHostPorts } from './host-ports.ts'
import { type Families, type HostPorts, hostPortRules, hostPortsChange } from './rules.ts'

/** A server of the host that starts is reached from inside after this long at most. */
const EVERY_MS = 250

/**
 * Tells the inside which ports of the loopback the host listens on, and keeps telling it, over the
 * netlink socket that the inside has opened there. Where the host's ports say nothing, or the kernel
 * does not hand the socket out, every port is dialled. Returns the way to stop.
 */
export function followHostPorts(inside: Inside, families: Families): () => void {
  const atFirst = findHostPorts()
  const fd = atFirst && takeDescriptor(inside.pid, inside.netlinkFd)
  if (atFirst === undefined || fd === undefined) return () => {}
  const netlink = netlinkOn(fd)
  const { bytes, acks } = hostPortRules(families, atFirst)
  netlink.request(bytes, acks)
  let known = atFirst
  const timer = setInterval(() => {
    known = update(netlink, families, known)
  }, EVERY_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    netlink.close()
  }
}

export interface Inside {
  readonly pid: number
  readonly netlinkFd: number
}

function update(netlink: Netlink, families: Families, known: HostPorts): HostPorts {
  try {
    const now = listHostPorts() ?? known
    const change = hostPortsChange(families, known, now)
    if (change) netlink.request(change.bytes, change.acks)
    return now
  } catch (error) {
    // Asked again at the next turn.
    if (error instanceof NetlinkError) return known
    throw error
  }
}

const SYS_PIDFD_OPEN = 434n
const SYS_PIDFD_GETFD = 438n

/** A copy of another process's descriptor (pidfd_getfd(2), Linux 5.6); allowed for our own child. */
function takeDescriptor(pid: number, theirs: number): number | undefined {
  const { functions: libc } = dlopen(null, {
    syscall: { arguments: ['int64', 'int64', 'int64', 'int64'], return: 'int64' },
  })
  const process = Number(libc.syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n, 0n))
  if (process < 0) return undefined
  const fd = Number(libc.syscall(SYS_PIDFD_GETFD, BigInt(process), BigInt(theirs), 0n))
  closeSync(process)
  return fd < 0 ? undefined : fd
}
