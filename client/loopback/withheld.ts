import type { ListenError } from '../listen.ts'

/** Why a published port cannot be listened on here. */
export type WithheldWhy = 'privileged' | 'in-use' | 'failed' | 'too-many'

export interface Withheld {
  /** `undefined` for names that publish too many ports. */
  readonly port: number | undefined
  readonly why: WithheldWhy
  /** The apps that are published on it, as patterns. */
  readonly apps: readonly string[]
  /** A line to type, or what to do instead. */
  readonly fix: string
}

export function whyOf({ errno }: ListenError): WithheldWhy {
  if (errno === 'EACCES') return 'privileged'
  return errno === 'EADDRINUSE' ? 'in-use' : 'failed'
}

export interface WithheldFacts {
  readonly appsByPort: ReadonlyMap<number, readonly string[]>
  readonly whyByPort: ReadonlyMap<number, WithheldWhy>
  readonly tooMany: readonly string[]
  /** The program that setcap would have to bless. */
  readonly nodePath: string
}

/** What to tell the person, lowest port first. */
export function listWithheld(facts: WithheldFacts): Withheld[] {
  const ports = [...facts.whyByPort].sort(([a], [b]) => a - b)
  // One sysctl line frees every port from the lowest on.
  const lowest = ports.find(([, why]) => why === 'privileged')?.[0] ?? 0
  const listed = ports.map(([port, why]): Withheld => {
    const apps = facts.appsByPort.get(port) ?? []
    return { port, why, apps, fix: fixOf(port, why, lowest, facts.nodePath) }
  })
  if (facts.tooMany.length === 0) return listed
  return [...listed, { port: undefined, why: 'too-many', apps: facts.tooMany, fix: ELSE }]
}

function fixOf(port: number, why: WithheldWhy, lowest: number, nodePath: string): string {
  switch (why) {
    case 'privileged':
      return (
        `sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${lowest}` +
        ` (or: sudo setcap cap_net_bind_service=+ep ${nodePath})`
      )
    case 'in-use':
      return `ss -ltnp 'sport = :${port}' shows who listens there on every address; ${ELSE}`
    case 'failed':
    case 'too-many':
      return ELSE
  }
}

const ELSE = 'use the proxy port, or byname run'
