import { X509Certificate } from 'node:crypto'
import { IdentityError } from '../../identity/error.ts'
import { spkiPin } from '../../identity/pin.ts'
import { PATHS } from '../../identity/wire.ts'
import { exchange, type Route } from './exchange.ts'

/**
 * The CA of an edge of which only the pin is known, as PEM. Anybody may have answered, and that does
 * no harm: nothing was told him, and with a CA that has the pinned key only the edge's own
 * certificates pass from now on.
 * @throws {IdentityError} ERR_PIN; {EnrolError} ERR_EDGE_UNREACHABLE
 */
export async function fetchPinnedCa(edgeUrl: string, pin: string, route: Route): Promise<string> {
  const { body } = await exchange({ url: `${edgeUrl}${PATHS.wellKnown}`, trust: 'any', route })
  const { caPem } = (body ?? {}) as { caPem?: unknown }
  const ca = readCertificate(caPem)
  if (ca?.ca && spkiPin(ca) === pin) return ca.toString()
  throw new IdentityError(
    'ERR_PIN',
    `what answers at ${edgeUrl} is not the edge that the token names: its CA has another key`,
  )
}

function readCertificate(pem: unknown): X509Certificate | undefined {
  try {
    return typeof pem === 'string' ? new X509Certificate(pem) : undefined
  } catch {
    return undefined
  }
}
