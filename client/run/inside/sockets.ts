import { INNER_PORT, LOOPBACK } from '../rules.ts'
import { libc, must } from './libc.ts'

/**
 * A bound socket that takes connections to any address (IP_TRANSPARENT: needs CAP_NET_ADMIN, which
 * only the inside has). Made by libc, for Node has no public way to set the option.
 * @returns its descriptor
 */
export function transparentSocket(protocol: 'tcp' | 'udp', family: 4 | 6): number {
  const type = (protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC
  const fd = must('socket', libc.socket(family === 4 ? AF_INET : AF_INET6, type, 0))
  const [level, option] = family === 4 ? [SOL_IP, IP_TRANSPARENT] : [SOL_IPV6, IPV6_TRANSPARENT]
  if (protocol === 'tcp') setOption(fd, level, option)
  if (family === 6) setOption(fd, SOL_IPV6, IPV6_V6ONLY)
  const address = socketAddress(family)
  must('bind', libc.bind(fd, address, address.length))
  return fd
}

const [AF_INET, AF_INET6] = [2, 10]
const [SOCK_STREAM, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC] = [1, 2, 0o4000, 0o2000000]
const [SOL_IP, SOL_IPV6] = [0, 41]
const [IP_TRANSPARENT, IPV6_TRANSPARENT, IPV6_V6ONLY] = [19, 75, 26]
const ONE = Buffer.from([1, 0, 0, 0])

function setOption(fd: number, level: number, option: number): void {
  must(`setsockopt ${option}`, libc.setsockopt(fd, level, option, ONE, ONE.length))
}

/** sockaddr_in or sockaddr_in6 of byname's own place on the inner loopback. */
function socketAddress(family: 4 | 6): Buffer {
  const address = Buffer.alloc(family === 4 ? 16 : 28)
  address.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0)
  address.writeUInt16BE(INNER_PORT, 2)
  LOOPBACK[family].copy(address, family === 4 ? 4 : 8)
  return address
}
