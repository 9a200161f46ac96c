import type { Command } from 'commander'
import type { EdgePlaces } from './socket.ts'

/** The flags of every verb that speaks to the edge of this machine. */
export const addEdgePlaces = (command: Command): Command =>
  command
    .option('--config <file>', "the edge's settings, when they say where its state is")
    .option('--state <directory>', "the edge's state directory")
    .option('--edge <name>', 'which edge, where several share a state directory')

export interface RunFlags {
  readonly config?: string
  readonly state?: string
  readonly logLevel?: string
}

export interface FilterFlags extends EdgePlaces {
  readonly who?: string
  readonly name?: string
  readonly denied?: boolean
  readonly json?: boolean
}

export interface ListFlags extends FilterFlags {
  readonly limit: string
  readonly since?: string
}

export interface TokenFlags extends EdgePlaces {
  readonly mayPublish: readonly string[]
  readonly expires: string
  readonly uses: string
  readonly json?: boolean
}

export interface DrainFlags extends EdgePlaces {
  readonly deadline: string
  readonly json?: boolean
}

/** Of a list: `--json` for programs. */
export interface ShowFlags extends EdgePlaces {
  readonly json?: boolean
}
