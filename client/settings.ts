import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { ListenAt } from './listen.ts'

/** What `byname client run` is told. */
export interface ClientSettings {
  readonly socks: PortSetting
  readonly dns: PortSetting
  /** Listeners in 127.80.0.0/16 on the ports that apps publish. */
  readonly loopback: boolean
  /** Refuse what byname does not own, instead of reaching it directly. */
  readonly only: boolean
  /** `user:password`, asked of every program instead of looking at whose it is. */
  readonly credentialFile?: string | undefined
  /** CONNECT proxy in front of the edge. */
  readonly proxy?: string | undefined
  /** The profile may say so as well. */
  readonly requiresPostQuantum?: boolean
  /** As of WayOptions. */
  readonly detachedLifeMs?: number | undefined
}

export interface PortSetting extends ListenAt {
  /** Not chosen by a person: when the port is taken, any free one will do. */
  readonly isDefault: boolean
}

export const DEFAULT_SOCKS: PortSetting = { address: '127.0.0.1', port: 1080, isDefault: true }
export const DEFAULT_DNS: PortSetting = { address: '127.0.0.1', port: 5353, isDefault: true }

export class AddressError extends Error {
  override readonly name = 'AddressError'
  readonly code = 'ERR_NOT_LOOPBACK'
  readonly exitCode = 2
  readonly why: string
  readonly fix: string
  constructor(flag: string, text: string, why: string) {
    super(`${flag} ${JSON.stringify(text.slice(0, 100))} cannot be listened on`)
    this.why = why
    this.fix = `${flag} 127.0.0.1:1080`
  }
}

/**
 * Reads `127.0.0.1:1080`, `[::1]:1080` or a port alone. Nothing but loopback: the port would give
 * this person's access to the whole network.
 * @throws {AddressError}
 */
export function readListenAt(flag: string, text: string): PortSetting {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([0-9.]+)):)?(\d{1,5})$/i.exec(text)
  const address = match?.[1] ?? match?.[2] ?? '127.0.0.1'
  const port = Number(match?.[3])
  const isAddress = isIPv4(address) || isIPv6(address)
  if (!match || !isAddress || port > 65_535) {
    throw new AddressError(flag, text, 'it is not an address and a port')
  }
  if (ipaddr.process(address).range() !== 'loopback') {
    throw new AddressError(flag, text, 'only loopback addresses are, for the port is this person’s')
  }
  return { address, port, isDefault: false }
}
