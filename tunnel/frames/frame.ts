/** Every frame's number (SPEC.md §3). Bit 7 set: a receiver that does not know it skips it. */
export const TYPE = {
  HELLO: 0x01,
  AUTH: 0x02,
  READY: 0x03,
  PING: 0x04,
  PONG: 0x05,
  GOAWAY: 0x06,
  RECEIVED: 0x07,
  OPEN: 0x10,
  OPENED: 0x11,
  REFUSED: 0x12,
  DATA: 0x13,
  DATA_AT: 0x14,
  CREDIT: 0x15,
  FIN: 0x16,
  RESET: 0x17,
  RESUME: 0x18,
  RESUMED: 0x19,
  DETACHED: 0x1a,
  DATAGRAM: 0x1b,
  ANNOUNCE: 0x40,
  CATALOG: 0x41,
  RESOLVE: 0x42,
  RESOLVED: 0x43,
  RENEW: 0x44,
  RENEWED: 0x45,
  SIGNIN: 0xc6,
  FACTS: 0xc7,
  CUT: 0xc8,
  PROBE: 0xc9,
  NOTICE: 0xca,
} as const

export type FrameName = keyof typeof TYPE

/** u8 type, u24 payload length, u32 stream; big-endian (SPEC.md §3). */
export const HEADER_BYTES = 8
export const OPTIONAL_BIT = 0x80
export const MAX_DATA_BYTES = 65_536
export const MAX_CONTROL_BYTES = 1 << 20
export const MAX_NAME_BYTES = 253
export const MAX_CONTEXT_BYTES = 4096
export const MAX_REASON_BYTES = 256
export const MAX_INSTANCE_BYTES = 64
export const FLOW_ID_BYTES = 16
export const OFFSET_BYTES = 8

/** What a frame belongs to: the tunnel (stream 0) or one flow (stream ≥ 1). */
export type Scope = 'tunnel' | 'flow'

export interface FrameRule {
  readonly name: FrameName
  readonly scope: Scope
  readonly minBytes: number
  readonly maxBytes: number
}

const OPEN_FIXED = FLOW_ID_BYTES + 4 + 4 + 4 + 2 + 1 + 1
const RESUME_FIXED = FLOW_ID_BYTES + 4 + 8 + 8 + 2 + 1 + 1 + 1
export const RESUMED_BYTES = 4 + 8 + 8 + 4 + 4 + 1

const RULES: readonly FrameRule[] = [
  tunnel('HELLO', 2, 4096),
  tunnel('AUTH', 2, 16_384 - HEADER_BYTES),
  tunnel('READY', 2, 262_144),
  tunnel('PING', 8, 8),
  tunnel('PONG', 8, 8),
  tunnel('GOAWAY', 10, 10 + MAX_REASON_BYTES),
  tunnel('RECEIVED', 8, 8),
  flow('OPEN', OPEN_FIXED + 1, OPEN_FIXED + MAX_NAME_BYTES + MAX_CONTEXT_BYTES),
  flow('OPENED', 17, 16 + MAX_INSTANCE_BYTES),
  flow('REFUSED', 4, 4 + MAX_REASON_BYTES + MAX_CONTEXT_BYTES),
  flow('DATA', 1, MAX_DATA_BYTES),
  flow('DATA_AT', 9, 8 + MAX_DATA_BYTES),
  flow('CREDIT', 16, 16),
  flow('FIN', 8, 8),
  flow('RESET', 2, 2 + MAX_REASON_BYTES),
  flow(
    'RESUME',
    RESUME_FIXED + 3,
    RESUME_FIXED + MAX_NAME_BYTES + 1 + MAX_INSTANCE_BYTES + MAX_CONTEXT_BYTES,
  ),
  flow('RESUMED', RESUMED_BYTES, RESUMED_BYTES),
  flow('DETACHED', 2, 2 + MAX_REASON_BYTES),
  flow('DATAGRAM', 0, 65_507),
  ...(
    [
      'ANNOUNCE',
      'CATALOG',
      'RESOLVE',
      'RESOLVED',
      'RENEW',
      'RENEWED',
      'SIGNIN',
      'FACTS',
      'CUT',
      'PROBE',
      'NOTICE',
    ] as const
  ).map((name) => tunnel(name, 2, MAX_CONTROL_BYTES)),
]

const BY_TYPE: (FrameRule | undefined)[] = Array.from({ length: 256 })
for (const rule of RULES) BY_TYPE[TYPE[rule.name]] = rule

/** The rule of a frame type; undefined for a type that this version does not know. */
export function ruleOf(type: number): FrameRule | undefined {
  return BY_TYPE[type]
}

/** 0x40–0x7f and 0xc0–0xff carry JSON and belong to `messages/`. */
export const isControl = (type: number): boolean => (type & 0x40) !== 0

function tunnel(name: FrameName, minBytes: number, maxBytes: number): FrameRule {
  return { name, scope: 'tunnel', minBytes, maxBytes }
}

function flow(name: FrameName, minBytes: number, maxBytes: number): FrameRule {
  return { name, scope: 'flow', minBytes, maxBytes }
}
