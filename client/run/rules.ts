/**
 * The rules inside the program's network namespace, as nftables batches:
 *
 *     chain dns (nat, output):  udp dport 53 → redirect to the resolver's socket
 *     chain tcp (filter, prerouting), in this order
 *       to 127/8, ::1:  a listener of the program itself wins
 *       to 127/8, ::1:  jump closed
 *       everything      → tproxy to the transparent socket, which byname's own process holds
 *     chain closed:     a port that the host does not listen on is left alone (so: refused)
 *
 * The last one stays empty where the host's ports are not known: then every port is dialled. When
 * byname's process dies its sockets close, tproxy finds none, and every connection is refused.
 */
import {
  accept,
  addChain,
  addInnerChain,
  addPortSet,
  addPorts,
  addRule,
  addTable,
  batch,
  jumpTo,
  matchDestination,
  matchFamily,
  matchOwnSocket,
  matchPort,
  matchPortOutside,
  matchProtocol,
  type NftBatch,
  redirectTo,
  removePorts,
  tproxyTo,
} from '../netlink/nft.ts'

/**
 * The port that byname's sockets hold inside. Nobody listens on 1 (tcpmux), and no program is given
 * it as a port of its own, so it stays out of every program's way.
 */
export const INNER_PORT = 1
export const LOOPBACK = {
  4: Buffer.from([127, 0, 0, 1]),
  6: Buffer.from([...Array(15).fill(0), 1]),
}

export type Families = readonly (4 | 6)[]

/** Ports that the host's loopback answers on, by the family that is dialled. */
export interface HostPorts {
  readonly 4: readonly number[]
  readonly 6: readonly number[]
}

/** One message holds at most 64 KiB of elements, 20 bytes a port. */
export const MAX_HOST_PORTS = 2000

export function innerRules(families: Families): NftBatch {
  return batch(
    addTable(TABLE),
    addChain(TABLE, 'dns', { type: 'nat', hook: 'output', priority: DSTNAT }),
    addChain(TABLE, 'tcp', { type: 'filter', hook: 'prerouting', priority: MANGLE }),
    addInnerChain(TABLE, 'closed'),
    addRule(TABLE, 'dns', matchProtocol('udp'), matchPort(53), redirectTo(INNER_PORT)),
    ...families.flatMap(loopbackRules),
    ...families.map(intercept),
  )
}

/** Fills the chain `closed`: from now on only these ports of the loopback lead to the host's. */
export function hostPortRules(families: Families, ports: HostPorts): NftBatch {
  return batch(
    ...families.flatMap((family) => [
      addPortSet(TABLE, SET[family], family),
      ...some(addPorts, family, ports[family]),
      addRule(
        TABLE,
        'closed',
        matchFamily(family),
        matchProtocol('tcp'),
        matchPortOutside(SET[family], family),
        accept(),
      ),
    ]),
  )
}

/** What a change of the host's listening ports means inside; `undefined` for no change. */
export function hostPortsChange(
  families: Families,
  before: HostPorts,
  after: HostPorts,
): NftBatch | undefined {
  const messages = families.flatMap((family) => [
    ...some(removePorts, family, without(before[family], after[family])),
    ...some(addPorts, family, without(after[family], before[family])),
  ])
  return messages.length === 0 ? undefined : batch(...messages)
}

const TABLE = 'byname'
const DSTNAT = -100
const MANGLE = -150
const SET = { 4: 'host4', 6: 'host6' } as const

function some(command: typeof addPorts, family: 4 | 6, ports: readonly number[]): Buffer[] {
  return ports.length === 0 ? [] : [command(TABLE, SET[family], ports)]
}

function loopbackRules(family: 4 | 6): Buffer[] {
  const prefix = family === 4 ? Buffer.from([127]) : LOOPBACK[6]
  const toLoopback = [
    ...matchFamily(family),
    ...matchDestination(family, prefix),
    ...matchProtocol('tcp'),
  ]
  return [
    addRule(TABLE, 'tcp', toLoopback, matchOwnSocket(), accept()),
    addRule(TABLE, 'tcp', toLoopback, jumpTo('closed')),
  ]
}

function intercept(family: 4 | 6): Buffer {
  const to = tproxyTo(family, LOOPBACK[family], INNER_PORT)
  return addRule(TABLE, 'tcp', matchFamily(family), matchProtocol('tcp'), to, accept())
}

const without = (ports: readonly number[], other: readonly number[]) =>
  ports.filter((port) => !other.includes(port))
