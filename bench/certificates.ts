import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { issueLeaf, makeAuthority } from '../edge/ca/issue.ts'

/** Files of a certificate for 127.0.0.1 such as an edge makes for itself. */
export interface CertificateFiles {
  readonly authority: string
  /** Key and certificate in one. */
  readonly pair: string
}

export async function makeCertificate(directory: string): Promise<CertificateFiles> {
  const authority = await makeAuthority(Date.now())
  const leaf = await issueLeaf(authority, ['127.0.0.1'], Date.now())
  const files = {
    authority: path.join(directory, 'authority.pem'),
    pair: path.join(directory, 'pair.pem'),
  }
  writeFileSync(files.authority, authority.certificate)
  writeFileSync(files.pair, leaf.key + leaf.certificate, { mode: 0o600 })
  return files
}
