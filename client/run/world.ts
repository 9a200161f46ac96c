import type { Socket as UdpSocket } from 'node:dgram'
import type { Ways } from './connections.ts'

/** What byname outside offers the program inside. `real-world.ts` makes it; tests have doubles. */
export interface World extends Ways {
  /** A socket on which the program's questions over UDP arrive. */
  takeQuestions(socket: UdpSocket): void
  /** Flows that are not over yet. */
  readonly flows: number
  close(): Promise<void>
}
