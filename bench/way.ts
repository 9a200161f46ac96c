export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where the far iperf3 and the far web server are reached on one way through. */
export interface Way {
  readonly name: string
  readonly bulk: Endpoint
  readonly web: Endpoint
  /** The same web server by processes of its own, where the way has one connection a flow. */
  readonly webApart?: Endpoint
}
