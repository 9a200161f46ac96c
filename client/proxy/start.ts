import { readFile } from 'node:fs/promises'
import type { Hostname } from '../../names/hostname.ts'
import { openOrAnyPort } from '../open-port.ts'
import { type Door, openDoor } from '../peer/door.ts'
import type { Shared } from '../shared.ts'
import { CredentialError, readCredential } from './credential.ts'
import { type Front, type FrontCounts, noCounts } from './front.ts'
import { openProxy } from './listener.ts'
import type { CheckCredential } from './socks-dialogue.ts'

export interface RunningProxy {
  /** `127.0.0.1:1080` */
  readonly at: string
  readonly counts: FrontCounts
  close(): Promise<void>
}

/** What an address of the loopback range means. */
export interface AddressNames {
  nameAt(address: string): Hostname | undefined
  isSynthetic(address: string): boolean
}

/**
 * Opens the proxy port. `door` is `undefined` where the kernel does not tell who connects; there must
 * be a credential then.
 * @throws {ListenError | CredentialError}
 */
export async function startProxy(
  shared: Shared,
  door: Door | undefined,
  names: AddressNames,
): Promise<RunningProxy> {
  const { settings, way } = shared
  const check = await readCheck(settings.credentialFile)
  const guard = check ? openDoor : door
  if (!guard) throw new CredentialError(NO_UIDS)
  const counts = noCounts()
  const listener = await openOrAnyPort(settings.socks, (address, port) =>
    openProxy({ address, port }, guard, (bound): Front => {
      const own = { address, port: bound }
      const routes = { ownership: way.ownership, ...names, only: settings.only, own }
      const { log, onRefused } = shared
      return { way, routes, own: hostOf(own), check, log, onRefused, counts }
    }),
  )
  const at = hostOf({ address: settings.socks.address, port: listener.port })
  return { at, counts, close: () => listener.close() }
}

const NO_UIDS = 'the kernel does not tell whose a connection is, and there is no --credential-file'

async function readCheck(file: string | undefined): Promise<CheckCredential | undefined> {
  if (file === undefined) return undefined
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new CredentialError(`${file} cannot be read: ${error.message}`)
  })
  return readCredential(text, file)
}

const hostOf = ({ address, port }: { address: string; port: number }) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
