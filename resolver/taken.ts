import { addressBytes } from './range.ts'

/** A network that the machine uses already, and what uses it (`address of eth0`, `route by tun0`). */
export interface Taken {
  readonly base: Uint8Array
  readonly prefix: number
  readonly what: string
}

/** What `os.networkInterfaces()` returns, as far as it is looked at. */
export type Interfaces = Readonly<
  Record<string, readonly { readonly address: string; readonly cidr: string | null }[] | undefined>
>

/** The networks of the interfaces' own addresses, without loopback's 127.0.0.0/8 and ::1. */
export function takenByInterfaces(interfaces: Interfaces): Taken[] {
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses.flatMap(({ cidr }) => takenOf(cidr ?? '', `address of ${name}`)),
  )
}

/** The routes of /proc/net/route (proc_net_route: hexadecimal, little-endian), defaults left out. */
export function takenByRoutes4(text: string): Taken[] {
  return rowsOf(text).flatMap(([name = '', destination = '', , , , , , mask = '']) => {
    if (!isHex(destination, 8) || !isHex(mask, 8)) return []
    const base = Uint8Array.from(Buffer.from(destination, 'hex').reverse())
    return keep(base, countOnes(Buffer.from(mask, 'hex')), `route by ${name}`)
  })
}

/** The routes of /proc/net/ipv6_route, defaults and loopback's own left out. */
export function takenByRoutes6(text: string): Taken[] {
  return rowsOf(text).flatMap((row) => {
    const [destination = '', prefix = ''] = row
    if (!isHex(destination, 32) || !isHex(prefix, 2)) return []
    const base = Uint8Array.from(Buffer.from(destination, 'hex'))
    return keep(base, Number.parseInt(prefix, 16), `route by ${row.at(-1)}`)
  })
}

function takenOf(cidr: string, what: string): Taken[] {
  const [address = '', prefix = ''] = cidr.split('/')
  const base = addressBytes(address)
  return base === undefined ? [] : keep(base, Number(prefix), what)
}

/** A default route covers everything and so says nothing; 127/8 and ::1 are meant to be shared. */
function keep(base: Uint8Array, prefix: number, what: string): Taken[] {
  const isLoopback = base.length === 4 ? base[0] === 127 : base.every((o, i) => o === +(i === 15))
  return prefix === 0 || isLoopback ? [] : [{ base, prefix, what }]
}

const rowsOf = (text: string) => text.split('\n').map((line) => line.trim().split(/\s+/))
const isHex = (text: string, digits: number) =>
  text.length === digits && /^[0-9a-fA-F]+$/.test(text)

function countOnes(bytes: Uint8Array): number {
  let ones = 0
  for (const octet of bytes) for (let bit = octet; bit > 0; bit >>= 1) ones += bit & 1
  return ones
}
