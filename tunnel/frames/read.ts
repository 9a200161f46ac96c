import { codeOfNumber } from '../codes.ts'
import type { FlowEnd } from '../flow.ts'
import { readLine, readOffset, readU16, readU32 } from './bytes.ts'
import type { GoAway } from './write.ts'

/** The payloads of small frames, as `write.ts` makes them. `start` and `end` are a FrameSink's. */
export function readCode(bytes: Uint8Array, start: number, end: number): FlowEnd {
  const reason = readLine(bytes, start + 2, end)
  return { code: codeOfNumber(readU16(bytes, start)), reason }
}

export function readGoAway(bytes: Uint8Array, start: number, end: number): GoAway {
  return {
    lastStream: readU32(bytes, start),
    spreadMs: readU32(bytes, start + 4),
    ...readCode(bytes, start + 8, end),
  }
}

export interface Credit {
  readonly received: number
  readonly limit: number
}

export function readCredit(bytes: Uint8Array, start: number): Credit {
  return { received: readOffset(bytes, start), limit: readOffset(bytes, start + 8) }
}
