import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { fetchJwks } from '../../edge/sessions/fetch-jwks.ts'
import { type IssuerSettings, Issuers } from '../../edge/sessions/issuers.ts'
import { AUDIENCE, ISSUER, ISSUER_SETTINGS, idToken, issuerKey } from './identity-edge.ts'

const JWKS = { keys: [{ ...issuerKey.publicJwk, kid: 'k1', alg: 'EdDSA' }] }
const URL_SETTINGS: IssuerSettings = {
  ...ISSUER_SETTINGS,
  keys: { kind: 'jwks-url', url: 'https://id.example.com/jwks' },
}

/** Issuers over a fetch of the test's own, with a clock that it moves. */
function remote(answer: () => unknown) {
  let shift = 0
  let asked = 0
  const now = () => Date.now() + shift
  const fetch = async () => {
    asked++
    return answer()
  }
  const issuers = new Issuers([URL_SETTINGS], { fetch, now })
  return {
    identify: async (header = {}) => issuers.identify(await idToken({}, { now: now(), header })),
    asked: () => asked,
    advance: (ms: number) => {
      shift += ms
    },
  }
}

describe('keys fetched from an issuer', () => {
  it('are fetched once for many who ask at once, and then kept', async () => {
    const { identify, asked } = remote(() => JWKS)
    await Promise.all(Array.from({ length: 50 }, () => identify()))
    await identify()
    assert.equal(asked(), 1)
  })

  it('are fetched anew after ten minutes, and for a key that is not known yet', async () => {
    let keys: object[] = [{ ...JWKS.keys[0], kid: 'old' }]
    const { identify, asked, advance } = remote(() => ({ keys }))
    await assert.rejects(identify(), { code: 'ERR_SUBJECT_TOKEN' })
    keys = JWKS.keys
    advance(11_000)
    await identify()
    assert.equal(asked(), 2)
    advance(601_000)
    await identify()
    assert.equal(asked(), 3)
  })

  it('are not fetched again and again for keys that nobody has', async () => {
    const { identify, asked } = remote(() => JWKS)
    const storm = Array.from({ length: 200 }, (_, i) =>
      assert.rejects(identify({ kid: `unknown-${i}` }), { code: 'ERR_SUBJECT_TOKEN' }),
    )
    await Promise.all(storm)
    await identify()
    assert.equal(asked(), 1)
  })

  it('stay good while the provider is down or answers nonsense', async () => {
    let answer: () => unknown = () => JWKS
    const { identify, advance } = remote(() => answer())
    await identify()
    for (const broken of [
      () => Promise.reject(new Error('down')),
      () => ({}),
      () => null,
      () => ({ keys: 'none' }),
      () => ({ keys: Array(1_000).fill(JWKS.keys[0]) }),
    ]) {
      answer = broken
      advance(3_600_000)
      await identify()
    }
  })

  it('that could never be fetched are said to be unreachable', async () => {
    const { identify, asked } = remote(() => Promise.reject(new Error('down')))
    await assert.rejects(identify(), { code: 'ERR_ISSUER_UNREACHABLE' })
    await assert.rejects(identify(), { code: 'ERR_ISSUER_UNREACHABLE' })
    assert.equal(asked(), 1)
  })
})

describe('settings of issuers', () => {
  const load = (...all: Partial<IssuerSettings>[]) =>
    new Issuers(
      all.map((one, at) => ({
        ...ISSUER_SETTINGS,
        issuer: `${ISSUER}/${at}`,
        domains: [],
        ...one,
      })),
      { fetch: () => Promise.reject(new Error('none')), now: Date.now },
    )
  const refused = { code: 'ERR_ISSUERS' }

  it('do not load when two have a domain in common', () => {
    const both = [{ domains: ['example.com'] }, { domains: ['other.org', 'Example.COM'] }]
    assert.throws(() => load(...both), refused)
  })

  it('do not load when one is there twice or has no name or audience', () => {
    assert.throws(() => load({ issuer: 'a' }, { issuer: 'a' }), refused)
    assert.throws(() => load({ issuer: '' }), refused)
    assert.throws(() => load({ audience: '' }), refused)
  })

  it('do not load when keys would come over an open network', () => {
    const from = (url: string) => load({ keys: { kind: 'jwks-url', url } })
    for (const url of [
      'http://id.example.com/jwks',
      'ftp://a/b',
      'jwks',
      'http://127.1.example/',
    ]) {
      assert.throws(() => from(url), refused, url)
    }
    from('https://id.example.com/jwks')
    from('http://127.0.0.1:9/jwks')
  })

  it('may trust an issuers addresses without its saying that they are verified', async () => {
    const unverified = await idToken({ email_verified: undefined })
    const of = async (settings: IssuerSettings) =>
      (await new Issuers([settings], { fetch: fetchJwks, now: Date.now }).identify(unverified))
        .person
    assert.equal((await of(ISSUER_SETTINGS)).email, undefined)
    assert.equal((await of({ ...ISSUER_SETTINGS, emails: 'trusted' })).email, 'alice@example.com')
  })

  it('may want other claims', async () => {
    const settings = { ...ISSUER_SETTINGS, claims: ['roles'] }
    const issuers = new Issuers([settings], { fetch: fetchJwks, now: Date.now })
    const { person } = await issuers.identify(await idToken({ roles: ['x'], groups: ['y'] }))
    assert.deepEqual(person.claims, { roles: ['x'] })
    assert.equal(person.issuer, ISSUER)
    assert.equal(AUDIENCE, settings.audience)
  })
})

describe('fetching keys', () => {
  const serve = async (t: TestContext, listener: RequestListener) => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  }

  it('gives the document', async (t) => {
    const url = await serve(t, (_, answer) => void answer.end(JSON.stringify(JWKS)))
    assert.deepEqual(await fetchJwks(url), JSON.parse(JSON.stringify(JWKS)))
  })

  it('follows no redirect', async (t) => {
    let followed = false
    const url = await serve(t, ({ url: path }, answer) => {
      followed ||= path !== '/jwks'
      answer.writeHead(302, { location: '/elsewhere' }).end()
    })
    await assert.rejects(fetchJwks(url))
    assert.equal(followed, false)
  })

  it('takes 256 KiB at most, however much is sent', async (t) => {
    let sent = 0
    const url = await serve(t, (_, answer) => {
      const more = () => {
        while (!answer.destroyed && sent < 50_000_000) {
          sent += 65_536
          if (!answer.write(Buffer.alloc(65_536, 0x20))) return
        }
        answer.end()
      }
      answer.on('drain', more)
      more()
    })
    await assert.rejects(fetchJwks(url), /more than/)
    assert.ok(sent < 20_000_000, `${sent} bytes were sent`)
  })

  it('takes nothing but a 200 with JSON', async (t) => {
    const url = await serve(t, (_, answer) => void answer.writeHead(500).end('{}'))
    await assert.rejects(fetchJwks(url), /500/)
    const html = await serve(t, (_, answer) => void answer.end('<html>'))
    await assert.rejects(fetchJwks(html), SyntaxError)
  })
})
