import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, beforeEach, test } from 'node:test'
import { type EnrolOptions, enrol } from '../../connector/enrol.ts'
import { formatJoinToken, makeJoinSecret, parseJoinToken } from '../../identity/join.ts'
import { publicKeyOf, readPublicJwk, thumbprint } from '../../identity/key.ts'
import { enrolTranscript, verifyProof } from '../../identity/proof.ts'
import type { EnrolRequest } from '../../identity/wire.ts'
import { makeLog, silentLog } from '../../process/log.ts'
import { type Certificates, makeCertificates } from './certificates.ts'

/** An edge as far as enrolment needs one. */
class EdgeDouble {
  readonly server: https.Server
  readonly asked: string[] = []
  /** What the next enrolments come to; empty: 200. */
  readonly refusals: { status: number; body: object }[] = []
  /** Takes the key and loses the reply. */
  losesReplies = 0
  wellKnown: object
  #key: string | undefined

  constructor({ certPem, keyPem, caPem }: Certificates) {
    this.wellKnown = { schema: 1, deployment: 'd', edgeName: 'e', caPem }
    this.server = https.createServer({ cert: certPem, key: keyPem }, (request, response) => {
      void this.#answer(request, response)
    })
  }

  get url(): string {
    return `https://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.asked.push(`${request.method} ${request.url}`)
    if (request.url === '/.well-known/byname')
      return void response.end(JSON.stringify(this.wellKnown))
    const body = JSON.parse(await text(request)) as EnrolRequest
    const refusal = this.refusals.shift()
    if (refusal) return void response.writeHead(refusal.status).end(JSON.stringify(refusal.body))
    const jwk = readPublicJwk(body.publicJwk)
    const { id: tokenId, caPin } = parseJoinToken(body.token)
    const transcript = enrolTranscript({ tokenId, caPin, thumbprint: thumbprint(jwk) })
    assert.ok(verifyProof(publicKeyOf(jwk), transcript, Buffer.from(body.proof, 'base64url')))
    if (this.#key !== undefined && this.#key !== jwk.x) {
      const error = { code: 'ERR_ENROL_TOKEN_SPENT', message: 'the token has been used' }
      return void response.writeHead(410).end(JSON.stringify({ error }))
    }
    this.#key = jwk.x
    if (this.losesReplies-- > 0) return void request.socket.destroy()
    const facts = {
      connectorId: 'c-1',
      name: 'hq',
      grants: ['domain:corp.internal'],
      deployment: 'd',
    }
    response.end(JSON.stringify({ schema: 1, ...facts, edgeName: 'e', caPem: 'another CA' }))
  }
}

let certificates: Certificates
let others: Certificates
let edge: EdgeDouble
let directory = ''
before(async () => {
  ;[certificates, others] = await Promise.all([makeCertificates(), makeCertificates()])
})
beforeEach(async () => {
  edge?.server.close()
  if (directory) rmSync(directory, { recursive: true, force: true })
  directory = mkdtempSync(path.join(tmpdir(), 'byname-enrol-'))
  edge = new EdgeDouble(certificates)
  await new Promise<void>((resolve) => edge.server.listen(0, '127.0.0.1', resolve))
})
after(() => {
  edge.server.close()
  rmSync(directory, { recursive: true, force: true })
})

const tokenFor = (caPin = certificates.caPin) =>
  formatJoinToken({ edgeUrl: edge.url, caPin, ...makeJoinSecret() })

function options(token?: string, more: Partial<EnrolOptions> = {}): EnrolOptions {
  const tokenFile = path.join(directory, 'token')
  if (token !== undefined) writeFileSync(tokenFile, `${token}\n`)
  const state = path.join(directory, 'state')
  return { state, tokenFile, edge: undefined, proxy: undefined, log: silentLog, ...more }
}

test('a token is redeemed once, erased, and the enrolment kept for every start after', async () => {
  const first = await enrol(options(tokenFor()))
  assert.equal(first.name, 'hq')
  assert.equal(first.edgeUrl, edge.url)
  assert.equal(
    first.caPem.trim(),
    certificates.caPem.trim(),
    'the pinned CA, not the one of the answer',
  )
  assert.equal(existsSync(path.join(directory, 'token')), false)
  assert.equal(statSync(path.join(directory, 'state/enrolment.json')).mode & 0o777, 0o600)
  assert.equal(existsSync(path.join(directory, 'state/enrolling.json')), false)
  const asked = edge.asked.length
  const again = await enrol(options())
  assert.equal(again.key.thumbprint, first.key.thumbprint)
  assert.deepEqual({ ...again, key: 0 }, { ...first, key: 0 })
  assert.equal(edge.asked.length, asked, 'nobody is asked again')
})

test('after a lost reply the same key asks again and is let in', async () => {
  edge.losesReplies = 1
  const token = tokenFor()
  await assert.rejects(enrol(options(token)), { code: 'ERR_EDGE_UNREACHABLE', exitCode: 3 })
  assert.equal(existsSync(path.join(directory, 'token')), true)
  assert.equal((await enrol(options(token))).name, 'hq')
})

test('a token that stays (a mounted secret) changes nothing at the next start', async () => {
  const token = tokenFor()
  const real = path.join(directory, 'real-token')
  writeFileSync(real, token)
  const link = path.join(directory, 'mounted')
  symlinkSync(real, link)
  const first = await enrol(options(undefined, { tokenFile: link }))
  assert.equal(existsSync(real) && existsSync(link), true, 'a link is its owner’s to remove')
  const asked = edge.asked.length
  const second = await enrol(options(undefined, { tokenFile: link }))
  assert.equal(second.key.thumbprint, first.key.thumbprint)
  assert.equal(edge.asked.length, asked)
})

test('another token makes another enrolment, with another key', async () => {
  const first = await enrol(options(tokenFor()))
  edge.refusals.push({
    status: 410,
    body: { error: { code: 'ERR_ENROL_TOKEN_EXPIRED', message: 'it is over' } },
  })
  await assert.rejects(enrol(options(tokenFor())), {
    code: 'ERR_ENROL_REFUSED',
    edgeCode: 'ERR_ENROL_TOKEN_EXPIRED',
    why: 'it is over',
  })
  const kept = await enrol(options(undefined, { tokenFile: undefined }))
  assert.equal(kept.key.thumbprint, first.key.thumbprint, 'a refused token takes nothing away')
})

test('a token used by another key is refused, and says so', async () => {
  const token = tokenFor()
  await enrol(options(token))
  await assert.rejects(enrol(options(token, { state: path.join(directory, 'other') })), {
    code: 'ERR_ENROL_REFUSED',
    edgeCode: 'ERR_ENROL_TOKEN_SPENT',
    exitCode: 2,
  })
  assert.equal(
    existsSync(path.join(directory, 'token')),
    true,
    'it is kept for whoever looks into it',
  )
})

test('an edge whose CA has another key is told nothing', async () => {
  await assert.rejects(enrol(options(tokenFor(others.caPin))), { code: 'ERR_PIN' })
  assert.deepEqual(edge.asked, ['GET /.well-known/byname'])
})

test('a false edge that shows the right CA without having its key is told nothing either', async () => {
  const token = tokenFor(others.caPin)
  edge.wellKnown = { schema: 1, caPem: others.caPem }
  await assert.rejects(enrol(options(token)), { code: 'ERR_EDGE_UNREACHABLE' })
  assert.deepEqual(edge.asked, ['GET /.well-known/byname'])
})

test('what is no CA, or no certificate at all, is not trusted', async () => {
  for (const caPem of [undefined, 7, '', 'x', certificates.certPem]) {
    edge.wellKnown = { schema: 1, caPem }
    await assert.rejects(enrol(options(tokenFor())), { code: 'ERR_PIN' })
  }
})

test('an edge in trouble is tried again later; nonsense instead of an answer is refused', async () => {
  for (const status of [429, 500, 503]) {
    edge.refusals.push({ status, body: {} })
    await assert.rejects(enrol(options(tokenFor())), { code: 'ERR_EDGE_UNREACHABLE' })
  }
  edge.refusals.push({ status: 200, body: { schema: 2 } })
  await assert.rejects(enrol(options(tokenFor())), { code: 'ERR_ENROL_REFUSED' })
})

test('no token and no enrolment says how to get one', async () => {
  const error = { code: 'ERR_NOT_ENROLLED', exitCode: 2, fix: /byname connector token/ }
  await assert.rejects(enrol(options()), error)
  await assert.rejects(enrol(options(undefined, { tokenFile: undefined })), error)
  await assert.rejects(enrol(options('  ')), error)
})

test('a token that is none is refused without asking anybody', async () => {
  for (const token of ['hello', tokenFor().slice(0, -3), `${tokenFor()}x`]) {
    await assert.rejects(enrol(options(token)), { code: 'ERR_JOIN_TOKEN' })
  }
  await assert.rejects(enrol(options('x'.repeat(5000))), { code: 'ERR_TOKEN_FILE' })
  const directoryAsToken = options(undefined, { tokenFile: directory })
  await assert.rejects(enrol(directoryAsToken), { code: 'ERR_TOKEN_FILE', why: /EISDIR/ })
  assert.deepEqual(edge.asked, [])
})

test('who is enrolled needs no token file that can be read', async () => {
  const first = await enrol(options(tokenFor()))
  const again = await enrol(options(undefined, { tokenFile: directory }))
  assert.equal(again.key.thumbprint, first.key.thumbprint)
})

test('a damaged enrolment is said, not replaced', async () => {
  const state = path.join(directory, 'state')
  await enrol(options(tokenFor()))
  for (const damage of ['', '{', '{"schema":2}', '{"schema":1,"tokenId":"x"}']) {
    writeFileSync(path.join(state, 'enrolment.json'), damage)
    await assert.rejects(enrol(options()), { code: 'ERR_ENROLMENT_FORMAT' })
  }
})

test('an edge address of this machine’s own is used instead of the token’s', async () => {
  const token = formatJoinToken({
    edgeUrl: 'https://edge.invalid',
    caPin: certificates.caPin,
    ...makeJoinSecret(),
  })
  const enrolment = await enrol(options(token, { edge: edge.url }))
  assert.equal(enrolment.edgeUrl, 'https://edge.invalid')
})

test('enrolment goes through a CONNECT proxy, with its password', async () => {
  const seen: string[] = []
  const proxy = http.createServer().on('connect', (request, socket) => {
    seen.push(`${request.url} ${request.headers['proxy-authorization']}`)
    const [host, port] = (request.url ?? '').split(':')
    const onward = net.connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as net.AddressInfo
  try {
    const enrolment = await enrol(options(tokenFor(), { proxy: `http://me:pw@127.0.0.1:${port}` }))
    assert.equal(enrolment.name, 'hq')
    const credential = `Basic ${Buffer.from('me:pw').toString('base64')}`
    assert.deepEqual(seen, Array(2).fill(`${edge.url.slice(8)} ${credential}`))
  } finally {
    proxy.close()
    proxy.closeAllConnections()
  }
})

test('neither the token nor the key is in the log', async () => {
  const token = tokenFor()
  const lines: string[] = []
  const log = makeLog({
    name: 'x',
    level: 'trace',
    stream: { write: (line) => lines.push(line) },
  })
  await enrol(options(token, { log }))
  const said = lines.join('')
  assert.match(said, /enrolled as hq/)
  assert.equal(said.includes(token.slice(20, 60)), false)
})
