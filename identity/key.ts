import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { decodeBase64url } from './base64url.ts'
import { IdentityError } from './error.ts'

/** An Ed25519 public key as a JWK (RFC 8037 §2) with nothing else in it. Made by this file only. */
export type PublicJwk = {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
} & { readonly __brand: 'PublicJwk' }

/** The same with the secret scalar: what a 0600 file holds and nothing else ever should. */
export type PrivateJwk = PublicJwk & { readonly d: string }

/** RFC 7638 SHA-256 thumbprint of a public key, base64url: the name of a device or connector key. */
export type Thumbprint = string & { readonly __brand: 'Thumbprint' }

/** A device's or a connector's own key pair. */
export interface DeviceKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly publicJwk: PublicJwk
  readonly thumbprint: Thumbprint
}

export function makeDeviceKey(): DeviceKey {
  return fromPrivate(generateKeyPairSync('ed25519').privateKey)
}

/**
 * The key of a private JWK, as {@link exportKey} wrote it.
 * @throws {IdentityError} ERR_KEY_FORMAT
 */
export function importKey(jwk: unknown): DeviceKey {
  const { x } = readPublicJwk(jwk)
  const { d } = jwk as { d?: unknown }
  if (!is32Bytes(d)) throw badKey('d')
  return fromPrivate(privateKeyOf(x, d))
}

export function exportKey(key: DeviceKey): PrivateJwk {
  const { d } = key.privateKey.export({ format: 'jwk' })
  return { ...key.publicJwk, d: String(d) }
}

/**
 * Takes kty, crv and x of what a peer sent; other members are dropped, so that nothing travels on.
 * Points of small order are refused: a signature under them proves nothing (RFC 8032 §8.9).
 * @throws {IdentityError} ERR_KEY_FORMAT
 */
export function readPublicJwk(value: unknown): PublicJwk {
  if (typeof value !== 'object' || value === null) throw badKey('jwk')
  const { kty, crv, x } = value as Record<string, unknown>
  if (kty !== 'OKP') throw badKey('kty')
  if (crv !== 'Ed25519') throw badKey('crv')
  if (!is32Bytes(x) || isWeakPoint(x)) throw badKey('x')
  return { kty, crv, x } as PublicJwk
}

export function publicKeyOf(jwk: PublicJwk): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' })
}

/** RFC 7638 §3: the required members in lexicographic order, hashed. */
export function thumbprint(jwk: PublicJwk): Thumbprint {
  const canonical = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
  return createHash('sha256').update(canonical).digest('base64url') as Thumbprint
}

function fromPrivate(privateKey: KeyObject): DeviceKey {
  const publicKey = createPublicKey(privateKey)
  const publicJwk = readPublicJwk(publicKey.export({ format: 'jwk' }))
  return { privateKey, publicKey, publicJwk, thumbprint: thumbprint(publicJwk) }
}

/** OpenSSL also sees whether the halves belong together. */
function privateKeyOf(x: string, d: string): KeyObject {
  try {
    return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', x, d }, format: 'jwk' })
  } catch {
    throw badKey('d')
  }
}

function is32Bytes(text: unknown): text is string {
  return typeof text === 'string' && decodeBase64url(text)?.length === 32
}

/** y = 2^255 - 19: an encoding at or above it is not canonical (RFC 8032 §5.1.3). */
const FIELD = (1n << 255n) - 19n
/** The y coordinates of the eight points of small order. */
const ORDER_EIGHT_Y = 0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n
const WEAK_Y = new Set([0n, 1n, FIELD - 1n, ORDER_EIGHT_Y, FIELD - ORDER_EIGHT_Y])

function isWeakPoint(x: string): boolean {
  const bytes = decodeBase64url(x) ?? Buffer.alloc(32)
  const y = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`) & ((1n << 255n) - 1n)
  return y >= FIELD || WEAK_Y.has(y)
}

function badKey(member: string): IdentityError {
  return new IdentityError('ERR_KEY_FORMAT', `not an Ed25519 key: ${member} is wrong`, member)
}
