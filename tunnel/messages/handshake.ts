/** Both sides of the handshake (SPEC.md §2.3). */
export { type AcceptHandshake, acceptHandshake } from './accept-handshake.ts'
export { type DialHandshake, dialHandshake } from './dial-handshake.ts'
export type * from './peer.ts'
