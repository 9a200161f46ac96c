/** Asks other resolvers. See {@link makeUpstream} for the real one. */
export interface Upstream {
  /**
   * Forwards one query message that was read and found well formed, and gives an answer message with
   * the same id and question; `undefined` when nobody answered in time.
   */
  ask(query: Uint8Array): Promise<Uint8Array | undefined>
}
