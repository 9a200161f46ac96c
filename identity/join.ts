import { createHash, randomBytes } from 'node:crypto'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { IdentityError } from './error.ts'

/**
 * What a connector needs to find its edge and be let in, in one text that can be pasted: the edge's
 * address, the pin of its CA (see pin.ts), and the id and secret of an enrolment.
 */
export interface JoinToken {
  /** `https://edge.example.com` or `https://203.0.113.7:8443`: an origin, no path. */
  readonly edgeUrl: string
  /** SHA-256 of the CA's SubjectPublicKeyInfo, base64url. */
  readonly caPin: string
  /** 12 random bytes, base64url: names the enrolment in the store, in logs and on the screen. */
  readonly id: string
  /** 32 random bytes, base64url. */
  readonly secret: string
}

/** A new id and secret. */
export function makeJoinSecret(random: (size: number) => Uint8Array = randomBytes): {
  readonly id: string
  readonly secret: string
} {
  return { id: encodeBase64url(random(ID)), secret: encodeBase64url(random(SECRET)) }
}

/**
 * `byn_join_` and base64url of: check (4 bytes of SHA-256 over the rest), version 1, pin (32),
 * id (12), secret (32), the edge's origin in UTF-8.
 */
export function formatJoinToken(token: JoinToken): string {
  const body = Buffer.concat([
    Buffer.of(VERSION),
    fixed(token.caPin, PIN),
    fixed(token.id, ID),
    fixed(token.secret, SECRET),
    Buffer.from(parseOrigin(token.edgeUrl)),
  ])
  return PREFIX + encodeBase64url(Buffer.concat([checkOf(body), body]))
}

/**
 * Reads a token as a person pasted it; blanks around it are dropped.
 * @throws {IdentityError} ERR_JOIN_TOKEN, saying whether it is cut short or no join token at all
 */
export function parseJoinToken(text: string): JoinToken {
  const bare = text.trim()
  if (!bare.startsWith(PREFIX) || bare.length > MAX_CHARACTERS) throw bad('it is no join token')
  const bytes = decodeBase64url(bare.slice(PREFIX.length))
  if (bytes === undefined || bytes.length <= HEAD) throw bad('a part of it is missing')
  const body = bytes.subarray(CHECK)
  if (!checkOf(body).equals(bytes.subarray(0, CHECK))) throw bad('a part of it is missing')
  if (body[0] !== VERSION) throw bad('it is for a newer byname')
  return readBody(body)
}

const PREFIX = 'byn_join_'
const VERSION = 1
const CHECK = 4
const PIN = 32
const ID = 12
const SECRET = 32
const HEAD = CHECK + 1 + PIN + ID + SECRET
const MAX_CHARACTERS = 1024

function readBody(body: Buffer): JoinToken {
  const [pinAt, idAt, secretAt, urlAt] = [1, 1 + PIN, 1 + PIN + ID, 1 + PIN + ID + SECRET]
  return {
    caPin: encodeBase64url(body.subarray(pinAt, idAt)),
    id: encodeBase64url(body.subarray(idAt, secretAt)),
    secret: encodeBase64url(body.subarray(secretAt, urlAt)),
    edgeUrl: parseOrigin(body.subarray(urlAt).toString('utf8')),
  }
}

function parseOrigin(text: string): string {
  const url = URL.parse(text)
  if (url?.protocol !== 'https:' || url.origin !== text) throw bad('its edge address is wrong')
  return url.origin
}

function fixed(text: string, size: number): Buffer {
  const bytes = decodeBase64url(text)
  if (bytes?.length !== size) throw bad('a field has the wrong size')
  return bytes
}

const checkOf = (body: Buffer) => createHash('sha256').update(body).digest().subarray(0, CHECK)

function bad(why: string): IdentityError {
  return new IdentityError('ERR_JOIN_TOKEN', `the join token cannot be used: ${why}`)
}
