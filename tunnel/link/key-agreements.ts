/** OpenSSL group lists: what both sides offer (SPEC.md §2.1), and what an end offers that requires it. */
export const KEY_AGREEMENTS = 'X25519MLKEM768:X25519:prime256v1'
export const POST_QUANTUM_ONLY = 'X25519MLKEM768'

/** The end requires a post-quantum key agreement, and the edge has none. */
export class NotPostQuantum extends Error {
  override readonly name = 'NotPostQuantum'
  readonly code = 'ERR_NOT_POST_QUANTUM'
  readonly exitCode = 3
  readonly why = `it does not agree on ${POST_QUANTUM_ONLY}, or something before it ends TLS`
  readonly fix = 'an edge of this version can; or leave out require-post-quantum'
  constructor(url: string) {
    super(`${url} has no post-quantum key agreement, and this end requires one`)
  }
}

/**
 * Whether a dial that offered `keyAgreements` failed over them: TLS's alert 40 does not say more.
 * `cause`: OpenSSL's code, or the text that it is hidden in behind EPROTO.
 */
export function isOverAgreement(keyAgreements: string, cause: unknown): boolean {
  return keyAgreements === POST_QUANTUM_ONLY && /handshake.failure/i.test(String(cause))
}
