import { isIP } from 'node:net'

/** A resolver to ask; `address` may carry a zone (`fe80::1%eth0`). */
export interface Server {
  readonly address: string
  readonly port: number
}

/** glibc's MAXNS: later lines are ignored by everybody else too. */
const MAX_SERVERS = 3

/**
 * The resolvers named by a resolv.conf(5) text, in order, without those in `own` (our own listening
 * addresses: a resolver that asks itself loops). None named means 127.0.0.1, as for libc.
 */
export function readResolvConf(text: string, own: readonly string[] = []): Server[] {
  const named = text.split('\n').flatMap(nameserverOf).slice(0, MAX_SERVERS)
  const asked = named.length > 0 ? named : ['127.0.0.1']
  return asked.filter((address) => !own.includes(address)).map((address) => ({ address, port: 53 }))
}

function nameserverOf(line: string): string[] {
  const [keyword, address = ''] = line.trim().split(/\s+/)
  return keyword === 'nameserver' && isIP(address) !== 0 ? [address] : []
}
