import type { ControlCodec } from '../control.ts'

export type * from '../control.ts'

/** The codec that `Endpoint` and `Relay` take. */
export declare const controlCodec: ControlCodec
