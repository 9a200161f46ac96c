import { fields, oneOf, readJson, text, writeJson } from './shape.ts'

/** What OPEN's context says (SPEC.md §4.1): JSON, 4 KiB at most. */
export type OnRamp = (typeof ON_RAMPS)[number]

const ON_RAMPS = [
  'run',
  'socks',
  'connect',
  'http-proxy',
  'loopback',
  'transparent',
  'gateway',
  'web',
] as const

/** From the client. */
export interface ClientContext {
  readonly onRamp: OnRamp
}

/** Towards the connector: who, by which rule, in which session. */
export interface ConnectorContext {
  /** `label`: an e-mail address or an id, for logs and for people. */
  readonly who: { readonly kind: Who; readonly label: string }
  readonly rule: string
  readonly session: string
}

type Who = (typeof WHO)[number]
const WHO = ['person', 'service', 'network'] as const

export function writeContext(context: ClientContext | ConnectorContext): Uint8Array {
  return writeJson(context)
}

/** @throws TunnelError `protocol-error` */
export function readClientContext(body: Uint8Array): ClientContext {
  return { onRamp: oneOf(readJson(body), 'onRamp', ON_RAMPS) }
}

/** @throws TunnelError `protocol-error` */
export function readConnectorContext(body: Uint8Array): ConnectorContext {
  const said = readJson(body)
  const who = fields(said.who, 'who')
  return {
    who: { kind: oneOf(who, 'kind', WHO), label: text(who, 'label', 320) },
    rule: text(said, 'rule', 256),
    session: text(said, 'session', 128),
  }
}
