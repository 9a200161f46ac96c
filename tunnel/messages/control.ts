import { TunnelError } from '../codes.ts'
import type { ControlCodec, ControlMessage } from '../control.ts'
import { MAX_CONTROL_BYTES, TYPE } from '../frames/frame.ts'
import { readAnnounce, readCatalog } from './announce.ts'
import {
  readCut,
  readFacts,
  readNotice,
  readProbe,
  readRenew,
  readRenewed,
  readSignIn,
} from './person.ts'
import { readResolve, readResolved } from './resolve.ts'
import { type Fields, readJson, writeJson } from './shape.ts'

export type * from '../control.ts'

type Kind = ControlMessage['kind']
type Reader = (body: Fields) => ControlMessage

/** SPEC.md §8: each kind's frame type and the check of its JSON. */
const KINDS: Readonly<Record<Kind, { readonly type: number; readonly read: Reader }>> = {
  announce: { type: TYPE.ANNOUNCE, read: readAnnounce },
  catalog: { type: TYPE.CATALOG, read: readCatalog },
  resolve: { type: TYPE.RESOLVE, read: readResolve },
  resolved: { type: TYPE.RESOLVED, read: readResolved },
  renew: { type: TYPE.RENEW, read: readRenew },
  renewed: { type: TYPE.RENEWED, read: readRenewed },
  signin: { type: TYPE.SIGNIN, read: readSignIn },
  facts: { type: TYPE.FACTS, read: readFacts },
  cut: { type: TYPE.CUT, read: readCut },
  probe: { type: TYPE.PROBE, read: readProbe },
  notice: { type: TYPE.NOTICE, read: readNotice },
}

const READERS = new Map<number, Reader>(Object.values(KINDS).map(({ type, read }) => [type, read]))

/** The codec that `Endpoint` and `Relay` take. */
export const controlCodec: ControlCodec = {
  decode(type, body) {
    const read = READERS.get(type)
    if (read === undefined) throw new TunnelError('unsupported', 'an unknown message', { type })
    return read(readJson(body))
  },

  /** @throws RangeError when the message is larger than a frame may be */
  encode(message) {
    const { kind, ...said } = message
    const body = writeJson(said)
    if (body.length > MAX_CONTROL_BYTES) throw new RangeError(`${kind} is larger than a frame`)
    return { type: KINDS[kind].type, body }
  },
}
