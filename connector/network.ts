import dns from 'node:dns'
import net from 'node:net'

/** The private network, as this room sees it. Tests give their own. */
export interface Network {
  /** Starts one connection to a literal address or a Unix socket; nothing is looked up on the way. */
  connect(where: Where): net.Socket
  /** The system's own resolver: hosts file, search domains, nsswitch; every address, in its order. */
  lookup(name: string): Promise<readonly string[]>
}

export type Where =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** The only file of this room that opens sockets to origins. */
export const systemNetwork: Network = {
  connect(where) {
    if (where.kind === 'unix') return net.connect({ path: where.path, allowHalfOpen: true })
    return net.connect({
      host: where.address,
      port: where.port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      autoSelectFamily: false,
      lookup: refuseLookup,
    })
  },
  async lookup(name) {
    const found = await dns.promises.lookup(name, { all: true, order: 'verbatim' })
    return found.map(({ address }) => address)
  },
}

/** net.connect asks this only for what is no literal: then the address was not the one that was judged. */
const refuseLookup: net.LookupFunction = (host, _options, callback) => {
  callback(new Error(`${host} was to be looked up after it was judged`), '')
}
