import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { emailOf } from '../../identity/person.ts'

const rule = { domains: ['example.com'] }
const trusted = { ...rule, emails: 'trusted' } as const

describe("an issuer's word on an address", () => {
  for (const [email, verified, by, expected] of [
    ['alice@example.com', true, rule, 'alice@example.com'],
    ['Alice@Example.COM', true, rule, 'alice@example.com'],
    ['alice@example.com', false, rule, undefined],
    ['alice@example.com', 'true', rule, undefined],
    ['alice@example.com', undefined, rule, undefined],
    ['alice@example.com', undefined, trusted, 'alice@example.com'],
    ['alice@contractor.example', true, rule, undefined],
    ['alice@contractor.example', undefined, trusted, undefined],
    ['alice@sub.example.com', true, rule, undefined],
    ['alice@example.com.evil.org', true, rule, undefined],
    ['alice@evil.org@example.com', true, rule, undefined],
    ['alice@example.com ', true, rule, undefined],
    ['alice@example.com\n', true, rule, undefined],
    ['"alice@evil"@example.com', true, rule, undefined],
    ['alíce@example.com', true, rule, undefined],
    ['alice@exämple.com', true, rule, undefined],
    ['@example.com', true, rule, undefined],
    ['example.com', true, rule, undefined],
    [`${'a'.repeat(300)}@example.com`, true, rule, undefined],
    [['alice@example.com'], true, rule, undefined],
    [undefined, true, trusted, undefined],
  ] as const) {
    it(`makes ${JSON.stringify(email)?.slice(0, 40)} (verified: ${verified}) ${expected}`, () => {
      assert.equal(emailOf({ email, email_verified: verified }, by), expected)
    })
  }
})
