import type { KeyObject } from 'node:crypto'
import path from 'node:path'
import type { CryptoKey } from 'jose'
import {
  type DeviceKey,
  exportKey,
  importKey,
  makeDeviceKey,
  type PublicJwk,
} from '../../identity/key.ts'
import type { TokenKeys } from '../../identity/token.ts'
import { sharedSecret } from '../state-file.ts'

const FILE = 'signing-keys.json'

/** What signs the deployment's session tokens. Edges that share a state directory share the set. */
export interface SigningKeys {
  /** The newest key. */
  readonly signer: { readonly kid: string; readonly key: CryptoKey }
  /** Every key of the set, so that tokens of the one before last still count. */
  readonly verifiers: TokenKeys
  readonly publicJwks: readonly (PublicJwk & { readonly kid: string })[]
}

/** Why the file of signing keys is not taken. */
export class SigningKeysError extends Error {
  override readonly name = 'SigningKeysError'
  readonly code = 'ERR_SIGNING_KEYS'
  readonly path: string
  readonly fix = 'restore it from a backup, or move it away: people then sign in again'
  constructor(file: string) {
    super(`the signing keys are damaged: ${file}`)
    this.path = file
  }
}

/**
 * Reads the set from the state directory (`signing-keys.json`, 0600), making its first key if need be.
 * @throws {SigningKeysError | StateError}
 */
export async function loadSigningKeys(directory: string): Promise<SigningKeys> {
  const file = path.join(directory, FILE)
  const keys = parseKeys(await sharedSecret(file, makeFile), file)
  const newest = keys.at(-1)
  if (newest === undefined) throw new SigningKeysError(file)
  return {
    signer: { kid: newest.thumbprint, key: cryptoKey(newest.privateKey, 'sign') },
    verifiers: new Map(keys.map((key) => [key.thumbprint, cryptoKey(key.publicKey, 'verify')])),
    publicJwks: keys.map((key) => ({ ...key.publicJwk, kid: key.thumbprint })),
  }
}

async function makeFile(): Promise<string> {
  return `${JSON.stringify({ schema: 1, keys: [exportKey(makeDeviceKey())] })}\n`
}

function parseKeys(text: string, file: string): DeviceKey[] {
  try {
    const { schema, keys } = JSON.parse(text) as { schema?: unknown; keys?: unknown }
    if (schema === 1 && Array.isArray(keys)) return keys.map(importKey)
  } catch {}
  throw new SigningKeysError(file)
}

function cryptoKey(key: KeyObject, use: 'sign' | 'verify'): CryptoKey {
  return key.toCryptoKey('Ed25519', use === 'verify', [use])
}
