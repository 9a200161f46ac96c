export type OnRamp =
  | 'run'
  | 'socks'
  | 'connect'
  | 'http-proxy'
  | 'loopback'
  | 'transparent'
  | 'gateway'
  | 'web'

/** What a client says with OPEN. */
export interface ClientContext {
  readonly onRamp: OnRamp
}

/** What the edge tells the connector with OPEN: who, by which rule, in which session. */
export interface ConnectorContext {
  readonly who: { readonly kind: 'person' | 'service' | 'network'; readonly label: string }
  readonly rule: string
  readonly session: string
}

export declare function writeContext(context: ClientContext | ConnectorContext): Uint8Array
/** @throws TunnelError `protocol-error` */
export declare function readClientContext(bytes: Uint8Array): ClientContext
/** @throws TunnelError `protocol-error` */
export declare function readConnectorContext(bytes: Uint8Array): ConnectorContext
