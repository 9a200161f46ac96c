import type { Facts } from '../flow.ts'
import { type Limits, MOST } from '../limits.ts'
import type { Credential, Role, You } from './peer.ts'
import {
  bytes,
  type Fields,
  facts,
  fields,
  flag,
  oneOf,
  optionalText,
  readJson,
  text,
  textList,
  whole,
  wrong,
} from './shape.ts'

/** The JSON of the three frames of the handshake (SPEC.md §2.3), read with every bound. */
export const PROTOCOL = 1
/** What this version can beyond the required frames (SPEC.md §2.4); datagrams come with their issue. */
export const FEATURES: readonly string[] = ['resume', 'received']
export const NONCE_BYTES = 32
export const EXPORTER_BYTES = 32
export const SIGNATURE_BYTES = 64

export interface Hello {
  readonly protocols: readonly number[]
  readonly deployment: string
  readonly edgeName: string
  readonly version: string
  readonly nonce: Uint8Array
}

export function readHello(body: Uint8Array): Hello {
  const said = readJson(body)
  const { protocols } = said
  if (!Array.isArray(protocols) || !protocols.includes(PROTOCOL)) {
    throw wrong('protocols', `a list with ${PROTOCOL} in it`)
  }
  return {
    protocols: [PROTOCOL],
    deployment: text(said, 'deployment', 128),
    edgeName: text(said, 'edgeName', 253),
    version: text(said, 'version', 64),
    nonce: bytes(said, 'nonce', NONCE_BYTES),
  }
}

export interface AuthFrame {
  readonly role: Role
  readonly version: string
  readonly instance: string | undefined
  readonly credential: Credential
  readonly facts: Facts
  /** Empty from an end that says nothing of them. */
  readonly features: readonly string[]
  readonly keyAgreement: string | undefined
  readonly nonce: Uint8Array
  readonly exporter: Uint8Array | undefined
  readonly signature: Uint8Array
}

export function readAuth(body: Uint8Array): AuthFrame {
  const said = readJson(body)
  whole(said, 'protocol', PROTOCOL, PROTOCOL)
  const role = oneOf(said, 'role', ['client', 'connector'])
  return {
    role,
    version: text(said, 'version', 64),
    instance: role === 'connector' ? text(said, 'instance', 64) : undefined,
    credential: readCredential(fields(said.credential, 'credential'), role),
    facts: facts(said, 'facts'),
    features: said.features === undefined ? [] : textList(said, 'features', 32, 64),
    keyAgreement: optionalText(said, 'keyAgreement', 64),
    nonce: bytes(said, 'nonce', NONCE_BYTES),
    exporter: said.exporter === undefined ? undefined : bytes(said, 'exporter', EXPORTER_BYTES),
    signature: bytes(said, 'signature', SIGNATURE_BYTES),
  }
}

function readCredential(said: Fields, role: Role): Credential {
  if (role === 'client') {
    return { kind: oneOf(said, 'kind', ['session']), token: text(said, 'token', 8192) }
  }
  return { kind: oneOf(said, 'kind', ['connector']), connectorId: text(said, 'connectorId', 128) }
}

export interface ReadyFrame {
  readonly version: string
  readonly features: readonly string[]
  readonly limits: Limits
  readonly edges: readonly string[]
  readonly exporterMatched: boolean
  readonly you: You
}

export function readReady(body: Uint8Array, role: Role): ReadyFrame {
  const said = readJson(body)
  whole(said, 'protocol', PROTOCOL, PROTOCOL)
  return {
    version: text(said, 'version', 64),
    features: textList(said, 'features', 32, 64),
    limits: readLimits(fields(said.limits, 'limits')),
    edges: textList(said, 'edges', 8, 512),
    exporterMatched: flag(said, 'exporterMatched'),
    you: readYou(fields(said.you, 'you'), role),
  }
}

/** Negotiated values are where others took 0 or 2³²: each has its least and its most. */
function readLimits(said: Fields): Limits {
  const limit = (key: keyof Limits) => whole(said, key, 1, MOST[key])
  return {
    initialWindowBytes: limit('initialWindowBytes'),
    earlyBytes: limit('earlyBytes'),
    maxFlows: limit('maxFlows'),
    maxPendingOpens: limit('maxPendingOpens'),
    maxDatagramBytes: limit('maxDatagramBytes'),
  }
}

function readYou(said: Fields, role: Role): You {
  return role === 'client' ? readClient(said) : readConnector(said)
}

function readClient(said: Fields): You {
  const email = optionalText(said, 'email', 254)
  return {
    kind: oneOf(said, 'kind', ['client']),
    ...(email === undefined ? {} : { email }),
    subject: text(said, 'subject', 256),
    sessionId: text(said, 'sessionId', 128),
    expiresAt: whole(said, 'expiresAt', 0, Number.MAX_SAFE_INTEGER),
  }
}

function readConnector(said: Fields): You {
  return {
    kind: oneOf(said, 'kind', ['connector']),
    connectorId: text(said, 'connectorId', 128),
    name: text(said, 'name', 128),
    grants: textList(said, 'grants', 512, 262),
  }
}
