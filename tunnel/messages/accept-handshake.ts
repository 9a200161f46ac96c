import { randomBytes, timingSafeEqual } from 'node:crypto'
import { proofTranscript } from '../../identity/proof.ts'
import { TunnelError } from '../codes.ts'
import { HEADER_BYTES, TYPE } from '../frames/frame.ts'
import { bodyFrame } from '../frames/write.ts'
import { DEFAULT_LIMITS, type Limits } from '../limits.ts'
import type { Link } from '../link.ts'
import type { TunnelClock } from '../port.ts'
import { type AuthFrame, FEATURES, type Hello, NONCE_BYTES, PROTOCOL, readAuth } from './hello.ts'
import { closeWith, nextFrame } from './next-frame.ts'
import type { Accepted, Auth, AuthOutcome, You } from './peer.ts'
import { base64url, writeJson } from './shape.ts'

export interface AcceptHandshake {
  readonly deployment: string
  readonly edgeName: string
  readonly version: string
  readonly edges: readonly string[]
  readonly limits?: Limits
  /** A load balancer ends TLS in front: peers whose exporter differs are taken as well. */
  readonly tlsEndsBeforeEdge?: boolean
  /** Verifies credential and signature. */
  authenticate(auth: Auth): Promise<AuthOutcome>
}

/**
 * The edge's side. A peer that is silent for 5 s, says more than 16 KiB or is refused is closed with
 * the code; the answer is then undefined. What it sends after AUTH waits for the next listener.
 */
export async function acceptHandshake(
  link: Link,
  options: AcceptHandshake,
  clock: TunnelClock,
): Promise<Accepted | undefined> {
  try {
    const hello = makeHello(options)
    link.send(bodyFrame(TYPE.HELLO, 0, writeJson(textNonce(hello))))
    const auth = readPeer(link, hello, readAuth(await nextFrame(link, AUTH, clock)))
    checkExporter(auth, options)
    const outcome = await options.authenticate(auth)
    if (outcome.kind === 'refused') throw new TunnelError(outcome.code, outcome.reason)
    link.proven()
    const ready = makeReady(options, auth, outcome.you)
    link.send(bodyFrame(TYPE.READY, 0, writeJson(ready)))
    return { auth, features: ready.features, you: outcome.you }
  } catch (error) {
    closeWith(link, error)
    return undefined
  }
}

const AUTH = { type: TYPE.AUTH, maxBytes: 16_384 - HEADER_BYTES, timeoutMs: 5_000 }

function makeHello({ deployment, edgeName, version }: AcceptHandshake): Hello {
  return { protocols: [PROTOCOL], deployment, edgeName, version, nonce: randomBytes(NONCE_BYTES) }
}

const textNonce = (hello: Hello) => ({ ...hello, nonce: base64url(hello.nonce) })

function readPeer(link: Link, hello: Hello, said: AuthFrame): Auth {
  const { nonce, exporter, ...rest } = said
  const transcript = proofTranscript({
    role: said.role,
    deployment: hello.deployment,
    edgeName: hello.edgeName,
    edgeNonce: hello.nonce,
    peerNonce: nonce,
    exporter,
  })
  const exporterMatched = isSame(exporter, link.exporter())
  return { ...rest, transcript, exporterMatched, remoteAddress: link.remoteAddress }
}

function isSame(said: Uint8Array | undefined, seen: Uint8Array | undefined): boolean {
  return said !== undefined && seen !== undefined && timingSafeEqual(said, seen)
}

/** Otherwise whoever ends TLS in between could hand on a proof that was made for it. */
function checkExporter(auth: Auth, { tlsEndsBeforeEdge = false }: AcceptHandshake): void {
  if (auth.exporterMatched || tlsEndsBeforeEdge) return
  throw new TunnelError('not-authenticated', 'TLS does not end at this edge')
}

function makeReady(options: AcceptHandshake, auth: Auth, you: You) {
  const { version, edges, limits = DEFAULT_LIMITS } = options
  const { exporterMatched } = auth
  const features = FEATURES.filter((feature) => auth.features.includes(feature))
  return { protocol: PROTOCOL, version, features, limits, edges, exporterMatched, you }
}
