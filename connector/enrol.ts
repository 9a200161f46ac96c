import { type JoinToken, parseJoinToken } from '../identity/join.ts'
import type { DeviceKey } from '../identity/key.ts'
import { enrolTranscript, signProof } from '../identity/proof.ts'
import { type EnrolRequest, type EnrolResponse, PATHS } from '../identity/wire.ts'
import type { Log } from '../process/log.ts'
import { EnrolError } from './enrol/error.ts'
import { type Answer, exchange } from './enrol/exchange.ts'
import { fetchPinnedCa } from './enrol/pinned-ca.ts'
import { type Enrolment, loadEnrolment, pendingKey, saveEnrolment } from './enrol/store.ts'
import { tokenFrom } from './enrol/token-file.ts'

export { EnrolError } from './enrol/error.ts'
export type { Enrolment } from './enrol/store.ts'

export interface EnrolOptions {
  /** The connector's state directory. */
  readonly state: string
  /** Path, or `-` for standard input. */
  readonly tokenFile: string | undefined
  /** Where this machine reaches the edge, when that is not what the token says. */
  readonly edge: string | undefined
  /** `http://[user:password@]host:port` of the CONNECT proxy in front. */
  readonly proxy: string | undefined
  readonly requiresPostQuantum?: boolean
  readonly log: Log
}

/**
 * The enrolment of this connector: the one in its state directory, or, when a token file with another
 * token is there, a new one made with it. The token file is erased afterwards where that can be done.
 * Asking again with the same token, after a lost reply or with a mounted secret, changes nothing.
 * @throws {EnrolError}, {IdentityError} ERR_JOIN_TOKEN or ERR_PIN, {StateError}
 */
export async function enrol(options: EnrolOptions): Promise<Enrolment> {
  const { state, tokenFile, log } = options
  const kept = await loadEnrolment(state)
  const source = tokenFile === undefined ? undefined : tokenFrom(tokenFile)
  const text = await source?.read().catch((error) => {
    if (!kept) throw error
    log.warn(
      { event: 'token-unread', err: error },
      'the token file cannot be read; enrolled already',
    )
    return undefined
  })
  if (text === undefined || text.trim() === '') return kept ?? notEnrolled(options)
  const token = parseJoinToken(text)
  const enrolment = kept?.tokenId === token.id ? kept : await redeem(token, text.trim(), options)
  await source?.erase(log)
  return enrolment
}

async function redeem(token: JoinToken, text: string, options: EnrolOptions): Promise<Enrolment> {
  const { state, log } = options
  const edgeUrl = options.edge ?? token.edgeUrl
  const ca = await fetchPinnedCa(edgeUrl, token.caPin, options)
  const key = await pendingKey(state, token.id)
  const body = requestOf(token, text, key)
  const url = `${edgeUrl}${PATHS.enrol}`
  const answer = await exchange({ url, trust: { ca }, route: options, body })
  if (answer.status !== 200) throw refused(answer)
  const { connectorId, name, grants, deployment, edgeName } = readAnswer(answer.body)
  // The CA that was pinned, and not the one that the answer names, is what is trusted from now on.
  const trusted = { caPem: ca, tokenId: token.id, edgeUrl: token.edgeUrl, key }
  const enrolment = { connectorId, name, grants, deployment, edgeName, ...trusted }
  await saveEnrolment(state, enrolment)
  log.info({ event: 'enrolled', connectorId, connector: name }, `enrolled as ${name}`)
  return enrolment
}

function requestOf(token: JoinToken, text: string, key: DeviceKey): EnrolRequest {
  const { id: tokenId, caPin } = token
  const transcript = enrolTranscript({ tokenId, caPin, thumbprint: key.thumbprint })
  const proof = Buffer.from(signProof(key, transcript)).toString('base64url')
  return { token: text, publicJwk: key.publicJwk, proof }
}

function readAnswer(answer: unknown): EnrolResponse {
  const found = answer as Partial<EnrolResponse> | null | undefined
  const texts = [found?.connectorId, found?.name, found?.deployment, found?.edgeName]
  const fits = texts.every((one) => typeof one === 'string') && Array.isArray(found?.grants)
  if (found?.schema === 1 && fits) return found as EnrolResponse
  throw new EnrolError('ERR_ENROL_REFUSED', 'the edge did not answer as an edge does', {
    why: 'something else than a byname edge of this version may be at its address',
    fix: 'see which version the edge has',
  })
}

function refused({ status, body }: Answer): EnrolError {
  const { error } = (body ?? {}) as { error?: { code?: unknown; message?: unknown } }
  const edgeCode = typeof error?.code === 'string' ? error.code : `HTTP ${status}`
  const why = typeof error?.message === 'string' ? error.message : `it answered ${edgeCode}`
  // Too many at once, or its store is away: it may go better in a moment.
  if (status === 429 || status >= 500) {
    const fix = 'it is tried again'
    return new EnrolError('ERR_EDGE_UNREACHABLE', 'the edge cannot enrol now', {
      why,
      fix,
      edgeCode,
    })
  }
  return new EnrolError('ERR_ENROL_REFUSED', 'the edge does not take this join token', {
    why,
    edgeCode,
  })
}

function notEnrolled({ state, tokenFile }: EnrolOptions): never {
  const missing = tokenFile === undefined ? 'no token file was given' : `there is no ${tokenFile}`
  throw new EnrolError('ERR_NOT_ENROLLED', 'this connector is not enrolled at an edge', {
    why: `${missing}, and ${state} has no enrolment`,
  })
}
