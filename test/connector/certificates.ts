import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { spkiPin } from '../../identity/pin.ts'

export interface Certificates {
  readonly caPem: string
  readonly caPin: string
  /** For 127.0.0.1. */
  readonly certPem: string
  readonly keyPem: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 86_400_000

/** A private CA and a certificate of it for loopback. */
export async function makeCertificates(): Promise<Certificates> {
  x509.cryptoProvider.set(webcrypto as never)
  const [caKeys, keys] = await Promise.all([makeKeys(), makeKeys()])
  const times = {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
  }
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...times,
    name: 'CN=test CA',
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true)],
  })
  const leaf = await x509.X509CertificateGenerator.create({
    ...times,
    subject: 'CN=edge',
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as never))
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`
  const caPem = ca.toString('pem')
  return {
    caPem,
    caPin: spkiPin(new X509Certificate(caPem)),
    certPem: leaf.toString('pem'),
    keyPem,
  }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>
}
