import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { writeSecret } from '../../process/state.ts'
import { CLIENT_FILES, type Profile } from '../profile.ts'

/**
 * The edges that READY listed last, on disk: a client whose profile names an edge that is down finds
 * the others at its next start. Each must prove itself by the profile's CA all the same.
 */
export async function readKeptEdges(profile: Profile): Promise<readonly string[]> {
  const text = await readFile(fileOf(profile), 'utf8').catch(() => '')
  try {
    const { schema, deployment, edges } = JSON.parse(text) as Kept
    const fits = schema === 1 && deployment === profile.deployment && edges.every(isText)
    return fits ? edges : []
  } catch {
    return []
  }
}

/** A disk that is full costs the next start the other edges, nothing else: the caller logs it. */
export async function keepEdges(profile: Profile, edges: readonly string[]): Promise<void> {
  const { deployment } = profile
  await writeSecret(fileOf(profile), JSON.stringify({ schema: 1, deployment, edges }))
}

interface Kept {
  readonly schema: 1
  readonly deployment: string
  readonly edges: readonly string[]
}

const isText = (value: unknown) => typeof value === 'string'

const fileOf = (profile: Profile) => path.join(profile.directory, CLIENT_FILES.edges)
