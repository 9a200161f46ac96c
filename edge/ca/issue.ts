// @peculiar/x509 needs the Reflect.metadata that only this import brings.
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import net from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

export interface KeyAndCertificate {
  /** PKCS #8, PEM. */
  readonly key: string
  /** PEM. */
  readonly certificate: string
}

const DAY_MS = 86_400_000
const AUTHORITY_LIFE_MS = 3650 * DAY_MS
const LEAF_LIFE_MS = 90 * DAY_MS
/** Peers' clocks may be behind. */
const BACKDATED_MS = 300_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A new authority that can sign leaves and nothing below them. */
export async function makeAuthority(now: number): Promise<KeyAndCertificate> {
  const keys = await newKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=byname edge authority',
      serialNumber: newSerial(),
      ...validity(now, AUTHORITY_LIFE_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return pair(keys.privateKey, certificate)
}

/** A server certificate for these hostnames and addresses. */
export async function issueLeaf(
  authority: KeyAndCertificate,
  names: readonly string[],
  now: number,
): Promise<KeyAndCertificate> {
  const keys = await newKeys()
  const issuer = new X509Certificate(authority.certificate)
  const certificate = await X509CertificateGenerator.create(
    {
      subject: 'CN=byname edge',
      issuer: issuer.subject,
      serialNumber: newSerial(),
      ...validity(now, LEAF_LIFE_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: await importKey(authority.key),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names.map(alternativeName)),
        await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return pair(keys.privateKey, certificate)
}

function alternativeName(name: string): { type: 'ip' | 'dns'; value: string } {
  return { type: net.isIP(name) === 0 ? 'dns' : 'ip', value: name }
}

const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])

/** RFC 5280 §4.1.2.2: positive, 20 octets at most. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

const validity = (now: number, lifeMs: number) => ({
  notBefore: new Date(now - BACKDATED_MS),
  notAfter: new Date(now + lifeMs),
})

async function pair(
  key: webcrypto.CryptoKey,
  certificate: X509Certificate,
): Promise<KeyAndCertificate> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return { key: pem('PRIVATE KEY', der), certificate: `${certificate.toString('pem').trim()}\n` }
}

function importKey(key: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(key.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
