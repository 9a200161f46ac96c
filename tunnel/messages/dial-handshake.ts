import { randomBytes } from 'node:crypto'
import { proofTranscript } from '../../identity/proof.ts'
import { TunnelError } from '../codes.ts'
import type { Facts } from '../flow.ts'
import { TYPE } from '../frames/frame.ts'
import { bodyFrame } from '../frames/write.ts'
import type { Link } from '../link.ts'
import type { TunnelClock } from '../port.ts'
import { FEATURES, type Hello, NONCE_BYTES, PROTOCOL, readHello, readReady } from './hello.ts'
import { closeWith, nextFrame } from './next-frame.ts'
import type { Credential, Ready, Role } from './peer.ts'
import { base64url, writeJson } from './shape.ts'

export interface DialHandshake {
  readonly role: Role
  /** Of the program, for the record. */
  readonly version: string
  /** Connector: its id and a random part per process start. */
  readonly instance?: string
  readonly credential: Credential
  /** Signs identity/proof.ts' transcript with the device or connector key. */
  sign(transcript: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** What the device says of itself. */
  readonly facts: Facts
  /** Refuses an edge of another deployment before anything is sent to it. */
  readonly deployment?: string
}

/**
 * The client's or connector's side: HELLO in, AUTH out, READY in. Zero masks are on afterwards if the
 * exporters matched.
 * @throws TunnelError with what the edge closed with, `protocol-error` or `tunnel-lost`
 */
export async function dialHandshake(
  link: Link,
  options: DialHandshake,
  clock: TunnelClock,
): Promise<Ready> {
  try {
    const hello = readHello(await nextFrame(link, HELLO, clock))
    checkDeployment(hello, options.deployment)
    link.send(bodyFrame(TYPE.AUTH, 0, writeJson(await makeAuth(link, hello, options))))
    const ready = readReady(await nextFrame(link, READY, clock), options.role)
    link.proven()
    if (ready.exporterMatched) link.useZeroMasks()
    const { version: edgeVersion, ...rest } = ready
    const { deployment, edgeName } = hello
    return { deployment, edgeName, edgeVersion, keyAgreement: link.keyAgreement, ...rest }
  } catch (error) {
    throw closeWith(link, error)
  }
}

const HELLO = { type: TYPE.HELLO, maxBytes: 4096, timeoutMs: 10_000 }
const READY = { type: TYPE.READY, maxBytes: 262_144, timeoutMs: 10_000 }

async function makeAuth(link: Link, hello: Hello, options: DialHandshake) {
  const nonce = randomBytes(NONCE_BYTES)
  const exporter = link.exporter()
  const { role, version, instance, credential, facts } = options
  const { deployment, edgeName, nonce: edgeNonce } = hello
  const signed = { role, deployment, edgeName, edgeNonce, peerNonce: nonce, exporter }
  const signature = await options.sign(proofTranscript(signed))
  return {
    protocol: PROTOCOL,
    role,
    version,
    instance,
    credential,
    facts,
    features: FEATURES,
    keyAgreement: link.keyAgreement,
    nonce: base64url(nonce),
    exporter: exporter && base64url(exporter),
    signature: base64url(signature),
  }
}

/** An edge of another deployment must not get a token that it could use elsewhere. */
function checkDeployment(hello: Hello, expected: string | undefined): void {
  if (expected === undefined || hello.deployment === expected) return
  throw new TunnelError('not-authenticated', 'the edge belongs to another deployment', {
    expected,
    found: hello.deployment,
  })
}
