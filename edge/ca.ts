import { randomUUID, X509Certificate } from 'node:crypto'
import { link, readFile, rm } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { spkiPin } from '../identity/pin.ts'
import { writeSecret } from '../process/state.ts'
import { issueLeaf, type KeyAndCertificate, makeAuthority } from './ca/issue.ts'

/** The edge's own private authority and what it shows to peers. PEM throughout. */
export interface Certificates {
  readonly caPem: string
  /** SHA-256 over the CA's SubjectPublicKeyInfo, base64url: what join tokens carry. */
  readonly caPin: string
  /** For `https.createServer` and `setSecureContext`: the leaf, then the CA. */
  readonly tls: { readonly key: string; readonly cert: string }
  /** When {@link loadCertificates} would make a new leaf, ms since the epoch. */
  readonly renewAt: number
}

export interface CertificateNeeds {
  /** The state directory, shared by all edges of a deployment on one host. */
  readonly directory: string
  /** Which edge: each has a leaf of its own. */
  readonly edgeName: string
  /** Hostnames and IP addresses under which it is reached. */
  readonly names: readonly string[]
  /** ms since the epoch */
  readonly now: number
}

/**
 * Reads the authority and this edge's leaf from the state directory, and makes what is missing: the
 * authority once, a leaf also when its names changed or its last third began. Files are 0600.
 */
export async function loadCertificates(needs: CertificateNeeds): Promise<Certificates> {
  const authority = await loadAuthority(needs)
  const leaf = await loadLeaf(needs, authority)
  const caPem = authority.certificate
  return {
    caPem,
    caPin: spkiPin(new X509Certificate(caPem)),
    tls: { key: leaf.key, cert: leaf.certificate + caPem },
    renewAt: renewalOf(new X509Certificate(leaf.certificate)),
  }
}

async function loadAuthority({ directory, now }: CertificateNeeds): Promise<KeyAndCertificate> {
  const file = path.join(directory, 'ca.pem')
  const found = await readPair(file)
  if (found) return found
  // Two edges may start on one empty directory: whoever links first has made the authority.
  const fresh = `${file}.${randomUUID()}`
  await writeSecret(fresh, formatPair(await makeAuthority(now)))
  await link(fresh, file).catch(ignoreExisting)
  await rm(fresh)
  const made = await readPair(file)
  if (made) return made
  throw new Error(`${file} vanished`)
}

async function loadLeaf(
  needs: CertificateNeeds,
  authority: KeyAndCertificate,
): Promise<KeyAndCertificate> {
  const file = path.join(needs.directory, `tls-${needs.edgeName}.pem`)
  const found = await readPair(file)
  if (found && isGood(found, authority, needs)) return found
  const leaf = await issueLeaf(authority, needs.names, needs.now)
  await writeSecret(file, formatPair(leaf))
  return leaf
}

function isGood(
  leaf: KeyAndCertificate,
  authority: KeyAndCertificate,
  { names, now }: CertificateNeeds,
): boolean {
  const certificate = new X509Certificate(leaf.certificate)
  const isOurs = certificate.verify(new X509Certificate(authority.certificate).publicKey)
  const covers = names.every((name) => isFor(certificate, name))
  return isOurs && covers && now < renewalOf(certificate)
}

function isFor(certificate: X509Certificate, name: string): boolean {
  const found = net.isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)
  return found !== undefined
}

function renewalOf({ validFromDate, validToDate }: X509Certificate): number {
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()]
  return from + ((to - from) * 2) / 3
}

const formatPair = ({ key, certificate }: KeyAndCertificate) => key + certificate

async function readPair(file: string): Promise<KeyAndCertificate | undefined> {
  const text = await readFile(file, 'utf8').catch(ignoreMissing)
  if (text === undefined) return undefined
  const [key, certificate] = ['PRIVATE KEY', 'CERTIFICATE'].map((label) => findBlock(text, label))
  if (key !== undefined && certificate !== undefined) return { key, certificate }
  throw new Error(`${file} is damaged: restore it from a backup, or remove it to start anew`)
}

const findBlock = (text: string, label: string) =>
  new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n`).exec(text)?.[0]

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
