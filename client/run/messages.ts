/**
 * What `byname run` and the process inside the new namespaces say to each other over Node's IPC
 * channel, before that process becomes the program. Bytes travel as base64.
 */
import type { Families } from './rules.ts'

/** What the inside is started with (JSON, its only argument). */
export interface InsideSettings {
  /** Families that sockets can be made of. */
  readonly families: Families
  /** Whether addresses of the other family than IPv4 lead anywhere, as they do outside. */
  readonly hasIpv6: boolean
  /** Whether the program keeps the capabilities: real root, without a user namespace. */
  readonly keepsPower: boolean
  /** The program's standard error, which during the set-up is a pipe of ours. */
  readonly stderrFd: number
  readonly parentPid: number
}

export type FromInside =
  /** Comes with the socket's handle. */
  | { readonly kind: 'socket'; readonly protocol: 'tcp' | 'udp'; readonly family: 4 | 6 }
  /** Everything is in place. `netlinkFd`: nfnetlink in there, for changes of the rules. */
  | { readonly kind: 'ready'; readonly netlinkFd: number }
  | { readonly kind: 'failed'; readonly step: InsideStep; readonly errno: string }

/** What the kernel may refuse, in order. */
export type InsideStep = 'power' | 'loopback' | 'routes' | 'rules' | 'hide' | 'sockets'

export interface Go {
  readonly kind: 'go'
  readonly words: readonly string[]
  readonly environment: readonly string[]
  readonly inherited: Inherited
}

/** What Node changes in a process at its start, and the program must find as it was. */
export interface Inherited {
  /** The soft limit of open files; `undefined`: not known, left as it is. */
  readonly openFiles?: number | undefined
  /** Signals that were ignored (nohup, trap ''), a bit each: bit 0 is signal 1. */
  readonly ignoredSignals: number
}
