import { EnclosureError, enclose } from './enclosure.ts'
import { type Explanation, explain } from './forbidden.ts'
import { lookAtHost } from './host.ts'
import { readKernelSettings } from './kernel-settings.ts'

export type Probe =
  | { readonly kind: 'works' }
  | ({ readonly kind: 'forbidden'; readonly step: string } & Explanation)

/**
 * Whether `byname run` can work here, by doing all that it does but starting a program: `unshare true`
 * also succeeds where the namespaces that it makes are without power. Takes about 0.1 s.
 */
export async function probeNamespaces(): Promise<Probe> {
  const enclosure = enclose(lookAtHost())
  try {
    await enclosure.sockets
    return { kind: 'works' }
  } catch (error) {
    if (!(error instanceof EnclosureError)) throw error
    return { kind: 'forbidden', step: error.step, ...explain(error, readKernelSettings()) }
  } finally {
    enclosure.abort()
  }
}
