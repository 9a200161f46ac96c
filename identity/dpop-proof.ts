import { randomBytes, sign } from 'node:crypto'
import { encodeBase64url } from './base64url.ts'
import type { DeviceKey } from './key.ts'

/**
 * The making of a DPoP proof (RFC 9449), which is what clients and connectors do. Apart from dpop.ts,
 * which checks them: jose is half of what `byname run` would load, and one signature needs none of it.
 */

/** What a DPoP proof is for (RFC 9449 §4.2): an HTTP method and URL, or our RENEW over the tunnel. */
export interface DpopTarget {
  readonly method: 'POST' | 'RENEW'
  /** Without query and fragment. */
  readonly url: string
}

export const DPOP_TYPE = 'dpop+jwt'

/** The target of a RENEW: no URL, for the tunnel is already there; the session it renews. */
export function renewTarget(deployment: string, sessionId: string): DpopTarget {
  return { method: 'RENEW', url: `byname:${deployment}/sessions/${sessionId}` }
}

/** Signs that the holder of `key` asks for `target` now: a compact JWS by Ed25519 (RFC 8037 §3.1). */
export async function makeDpop(
  key: DeviceKey,
  target: DpopTarget,
  now: number,
  random: (size: number) => Uint8Array = randomBytes,
): Promise<string> {
  const header = { typ: DPOP_TYPE, alg: 'EdDSA', jwk: { ...key.publicJwk } }
  const jti = encodeBase64url(random(16))
  const iat = Math.floor(now / 1000)
  const payload = { htm: target.method, htu: target.url, jti, iat }
  const input = `${encodeJson(header)}.${encodeJson(payload)}`
  return `${input}.${encodeBase64url(sign(null, Buffer.from(input), key.privateKey))}`
}

const encodeJson = (value: object) => encodeBase64url(Buffer.from(JSON.stringify(value)))
