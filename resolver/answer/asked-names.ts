import { type AskedName, askedName, readName } from '../dns/name.ts'
import { HEADER_BYTES, type Question } from '../dns/question.ts'

const MAX_NAMES = 4096

/**
 * The names of questions, read once each: programs ask for few names again and again, and checking
 * one costs more than the rest of an answer. Bounded; when full it begins anew.
 */
export class AskedNames {
  readonly #names = new Map<string, AskedName>()

  find({ message, nameEnd }: Question): AskedName {
    const octets = Buffer.from(message.buffer, message.byteOffset, nameEnd)
    const key = octets.toString('latin1', HEADER_BYTES, nameEnd)
    const known = this.#names.get(key)
    if (known) return known
    const asked = askedName(readName(message, HEADER_BYTES)?.labels ?? [])
    if (this.#names.size >= MAX_NAMES) this.#names.clear()
    this.#names.set(key, asked)
    return asked
  }
}
