import { type KeyObject, sign, verify } from 'node:crypto'
import type { DeviceKey } from './key.ts'

/** What the two ends of a new tunnel both know; the peer signs it with its own key (wire.md). */
export interface ProofFacts {
  readonly role: 'client' | 'connector'
  /** The deployment's id and the edge's name, from HELLO. */
  readonly deployment: string
  readonly edgeName: string
  readonly edgeNonce: Uint8Array
  readonly peerNonce: Uint8Array
  /** TLS exporter (RFC 9266 §2), 32 bytes; `undefined` where TLS ends before the edge. */
  readonly exporter: Uint8Array | undefined
}

/** The bytes that are signed: a label, then each field after its length, so that none runs into the next. */
export function proofTranscript(facts: ProofFacts): Uint8Array {
  return transcript('byname tunnel proof 1', [
    facts.role,
    facts.deployment,
    facts.edgeName,
    facts.edgeNonce,
    facts.peerNonce,
    facts.exporter ?? '',
  ])
}

/** What a connector signs to enrol a key: the token's id, the pin of the edge's CA, the key's thumbprint. */
export function enrolTranscript(facts: {
  readonly tokenId: string
  readonly caPin: string
  readonly thumbprint: string
}): Uint8Array {
  return transcript('byname enrolment proof 1', [facts.tokenId, facts.caPin, facts.thumbprint])
}

/** An Ed25519 signature, 64 bytes. */
export function signProof(key: DeviceKey, bytes: Uint8Array): Uint8Array {
  return sign(null, bytes, key.privateKey)
}

/** Whether `signature` is `publicKey`'s over `bytes`. Never throws, whatever the signature's bytes. */
export function verifyProof(
  publicKey: KeyObject,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (publicKey.asymmetricKeyType !== 'ed25519' || signature.length !== 64) return false
  return verify(null, bytes, publicKey, signature)
}

function transcript(label: string, fields: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = [label, ...fields].flatMap((field) => {
    const bytes = Buffer.from(field)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  return Buffer.concat(parts)
}
