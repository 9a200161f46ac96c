import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { encodeBase64url } from '../../identity/base64url.ts'
import { formatJoinToken, makeJoinSecret, parseJoinToken } from '../../identity/join.ts'

const TOKEN = {
  edgeUrl: 'https://edge.example.com:8443',
  caPin: encodeBase64url(Buffer.alloc(32, 7)),
  ...makeJoinSecret((size) => Buffer.alloc(size, 9)),
}

describe('a join token', () => {
  it('comes back as it was made, also with blanks around it', () => {
    const text = formatJoinToken(TOKEN)
    assert.match(text, /^byn_join_[A-Za-z0-9_-]+$/)
    assert.deepEqual(parseJoinToken(text), TOKEN)
    assert.deepEqual(parseJoinToken(`\n  ${text}\n`), TOKEN)
  })

  it('holds any edge address and any bytes', () => {
    const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
    const url = fc.constantFrom('https://a.b', 'https://[2001:db8::1]:444', 'https://10.0.0.1')
    fc.assert(
      fc.property(url, bytes(32), bytes(12), bytes(32), (edgeUrl, pin, id, secret) => {
        const token = {
          edgeUrl,
          caPin: encodeBase64url(pin),
          id: encodeBase64url(id),
          secret: encodeBase64url(secret),
        }
        assert.deepEqual(parseJoinToken(formatJoinToken(token)), token)
      }),
    )
  })

  it('is refused wherever it is cut, and whatever letter is changed', () => {
    const text = formatJoinToken(TOKEN)
    for (let length = 0; length < text.length; length++) {
      assert.throws(() => parseJoinToken(text.slice(0, length)), { code: 'ERR_JOIN_TOKEN' })
    }
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === 'A' ? 'B' : 'A'
      const changed = text.slice(0, at) + other + text.slice(at + 1)
      assert.throws(() => parseJoinToken(changed), { code: 'ERR_JOIN_TOKEN' }, `at ${at}`)
    }
  })

  it('says that it is cut short, and that another text is none', () => {
    const text = formatJoinToken(TOKEN)
    assert.throws(() => parseJoinToken(text.slice(0, -4)), /a part of it is missing/)
    assert.throws(() => parseJoinToken('eyJhbGciOiJub25lIn0.e30.'), /it is no join token/)
    assert.throws(() => parseJoinToken(text + 'A'.repeat(5_000)), { code: 'ERR_JOIN_TOKEN' })
  })

  it('never names its secret when it is refused', () => {
    const text = `${formatJoinToken(TOKEN)}AA`
    assert.throws(
      () => parseJoinToken(text),
      (error: Error) => !error.message.includes(TOKEN.secret) && !error.message.includes(text),
    )
  })

  for (const edgeUrl of [
    'http://edge.example.com',
    'https://edge.example.com/path',
    'https://user@edge.example.com',
    'https://edge.example.com/',
    'edge.example.com',
    '',
  ]) {
    it(`is not made for ${JSON.stringify(edgeUrl)}`, () => {
      assert.throws(() => formatJoinToken({ ...TOKEN, edgeUrl }), { code: 'ERR_JOIN_TOKEN' })
    })
  }

  it('has a secret of 256 random bits', () => {
    const all = Array.from({ length: 50 }, () => makeJoinSecret().secret)
    assert.equal(new Set(all).size, 50)
    assert.ok(all.every((secret) => Buffer.from(secret, 'base64url').length === 32))
  })
})
