import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { writeSecret } from '../../process/state.ts'
import type { Catalog, PortRange } from '../../tunnel/control.ts'
import { CLIENT_FILES, type Profile } from '../profile.ts'

/**
 * The last catalogue on disk: it tells private names from others before the first tunnel stands, and
 * while the edge is away. It is this person's: another's would name apps that are hidden from them.
 */
export async function readKeptCatalog(
  profile: Profile,
  subject: string,
): Promise<Catalog | undefined> {
  const text = await readFile(fileOf(profile), 'utf8').catch(() => '')
  const kept = parse(text)
  if (kept?.subject !== subject || kept.deployment !== profile.deployment) return undefined
  return kept.catalog
}

/** A disk that is full costs the next start its head start, nothing else: the caller logs it. */
export async function keepCatalog(
  profile: Profile,
  subject: string,
  catalog: Catalog,
): Promise<void> {
  const { deployment } = profile
  await writeSecret(fileOf(profile), JSON.stringify({ schema: 1, deployment, subject, catalog }))
}

interface Kept {
  readonly schema: 1
  readonly deployment: string
  readonly subject: string
  readonly catalog: Catalog
}

const isPort = ({ from, to }: PortRange) => Number.isInteger(from) && Number.isInteger(to)

const fileOf = (profile: Profile) => path.join(profile.directory, CLIENT_FILES.catalog)

/** Our own file, but disks lie: anything of another shape counts as none. */
function parse(text: string): Kept | undefined {
  try {
    const kept = JSON.parse(text) as Kept
    const { zones, entries } = kept.catalog
    const fits =
      kept.schema === 1 &&
      zones.every((zone) => typeof zone === 'string') &&
      entries.every(({ pattern, ports }) => typeof pattern === 'string' && ports.every(isPort))
    return fits ? kept : undefined
  } catch {
    return undefined
  }
}
