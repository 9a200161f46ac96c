import type { Hostname } from '../../names/hostname.ts'
import type { Server } from './system.ts'

/** One record as it travels in RESOLVED: owner as text, type as mnemonic, RDATA uncompressed. */
export interface ResolvedRecord {
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly dataBase64: string
}

/** What was found out about a name and type (the RESOLVED message without its id). */
export interface Resolved {
  readonly kind: 'exists' | 'absent' | 'no-data' | 'failed' | 'refused'
  readonly ttlSeconds: number
  readonly records?: readonly ResolvedRecord[]
  readonly reason?: string
}

export type LookupRecords = (
  name: Hostname,
  type: string,
  servers: readonly Server[],
) => Promise<Resolved>
