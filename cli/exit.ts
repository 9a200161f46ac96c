import { EXIT } from './output.ts'

/**
 * The exit code of a verb that failed: what the error says of itself, else what its code is known to
 * mean. Errors of the system (a port in use, a file that may not be read) are of the configuration.
 */
export function exitCodeOf(error: unknown): number {
  const { exitCode, code, syscall } = (error ?? {}) as Partial<Record<string, unknown>>
  if (typeof exitCode === 'number') return exitCode
  if (typeof code !== 'string') return EXIT.no
  if (UNREACHABLE.has(code)) return EXIT.unreachable
  return typeof syscall === 'string' || CONFIGURATION.test(code) ? EXIT.usage : EXIT.no
}

const UNREACHABLE = new Set(['ERR_EDGE_UNREACHABLE', 'ERR_EDGE_ANSWER', 'ERR_CONTROL_TIMEOUT'])

/** Files, flags and state that are not as they must be. */
const CONFIGURATION =
  /^ERR_(CONFIG|CREDENTIAL|CONTROL_(IN_USE|PATH)|ISSUERS|JOIN_TOKEN|KEY_FORMAT|LEASE_FILE|PIN|PROFILE|SIGNING_KEYS|STORE|TOKEN_FILE)/
