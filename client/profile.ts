/** An edge and an identity under a name (`--profile`, `BYNAME_PROFILE`), kept in a directory of its own. */
export interface Profile {
  readonly name: string
  /** Holds profile.json, key.json, session.json (each 0600), catalog.json, leases.db, client.sock. */
  readonly directory: string
  readonly deployment: string
  readonly edge: { readonly url: string; readonly caPem: string }
}

/**
 * Finds a profile by name (default: `BYNAME_PROFILE`, else `default`, else the only one there is).
 * @throws ERR_NO_PROFILE naming the places searched (exitCode 4)
 */
export declare function loadProfile(
  name: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Profile>
