import { readU24 } from '../../../tunnel/frames/bytes.ts'
import { Decoder } from '../../../tunnel/frames/decoder.ts'
import { TYPE } from '../../../tunnel/frames/frame.ts'
import { readCredit } from '../../../tunnel/frames/read.ts'
import type { SimTime } from './time.ts'
import type { SimLink, Weather } from './wire.ts'

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, type]) => [type, name]))
const SILENT: ReadonlySet<number> = new Set([TYPE.PING, TYPE.PONG, TYPE.RECEIVED])

/** Writes the frames that arrive, a line each. */
export function teller(time: SimTime, log: ((line: string) => void) | undefined): Weather['tell'] {
  if (!log) return undefined
  const decoders = new Map<SimLink, Decoder>()
  return (link, message) => {
    const known = decoders.get(link)
    const decoder =
      known ??
      new Decoder((type, stream, bytes, start, end) => {
        if (SILENT.has(type)) return
        const more = type === TYPE.CREDIT ? Object.values(readCredit(bytes, start)).join(' ') : ''
        const length = readU24(bytes, start - 7)
        const at = (time.exactMs - 1_000_000).toFixed(1).padStart(9)
        const what = NAMES.get(type) ?? `${type}`
        log(`${at} ${link.name.padEnd(34)} ${what} ${stream} (${end - start}/${length}) ${more}`)
      })
    if (!known) decoders.set(link, decoder)
    decoder.push(message)
  }
}
