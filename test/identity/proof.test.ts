import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { makeDeviceKey } from '../../identity/key.ts'
import {
  enrolTranscript,
  type ProofFacts,
  proofTranscript,
  signProof,
  verifyProof,
} from '../../identity/proof.ts'

const FACTS: ProofFacts = {
  role: 'client',
  deployment: 'd1',
  edgeName: 'edge-a',
  edgeNonce: Buffer.alloc(32, 1),
  peerNonce: Buffer.alloc(32, 2),
  exporter: Buffer.alloc(32, 3),
}

describe('a tunnel proof', () => {
  const key = makeDeviceKey()
  const signature = signProof(key, proofTranscript(FACTS))

  it('holds for what was signed', () => {
    assert.equal(signature.length, 64)
    assert.ok(verifyProof(key.publicKey, proofTranscript(FACTS), signature))
  })

  for (const [what, change] of Object.entries<Partial<ProofFacts>>({
    'the other role': { role: 'connector' },
    'another deployment': { deployment: 'd2' },
    'another edge': { edgeName: 'edge-b' },
    "another nonce of the edge's": { edgeNonce: Buffer.alloc(32, 9) },
    "another nonce of the peer's": { peerNonce: Buffer.alloc(32, 9) },
    'another TLS connection': { exporter: Buffer.alloc(32, 9) },
    'no TLS exporter': { exporter: undefined },
  })) {
    it(`does not hold for ${what}`, () => {
      const transcript = proofTranscript({ ...FACTS, ...change })
      assert.equal(verifyProof(key.publicKey, transcript, signature), false)
    })
  }

  it('does not hold for another key, a cut or lengthened signature, or a key of another kind', () => {
    const transcript = proofTranscript(FACTS)
    assert.equal(verifyProof(makeDeviceKey().publicKey, transcript, signature), false)
    assert.equal(verifyProof(key.publicKey, transcript, signature.subarray(1)), false)
    assert.equal(
      verifyProof(key.publicKey, transcript, Buffer.concat([signature, signature])),
      false,
    )
    assert.equal(verifyProof(key.publicKey, transcript, new Uint8Array(0)), false)
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    assert.equal(
      verifyProof(ec.publicKey, transcript, sign(null, transcript, ec.privateKey)),
      false,
    )
  })

  it('holds for no other bytes of a signature', () => {
    fc.assert(
      fc.property(fc.nat(63), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = Buffer.from(signature)
        other[at] = (other[at] ?? 0) ^ change
        assert.equal(verifyProof(key.publicKey, proofTranscript(FACTS), other), false)
      }),
    )
  })

  it('has one transcript only for one set of facts, however their texts run together', () => {
    const text = fc.string({ maxLength: 6 })
    fc.assert(
      fc.property(fc.tuple(text, text), fc.tuple(text, text), (a, b) => {
        const of = ([deployment, edgeName]: [string, string]) =>
          Buffer.from(proofTranscript({ ...FACTS, deployment, edgeName })).toString('hex')
        assert.equal(of(a) === of(b), a[0] === b[0] && a[1] === b[1])
      }),
    )
  })

  it('is never an enrolment proof', () => {
    const facts = { tokenId: 'client', caPin: 'd1', thumbprint: 'edge-a' }
    assert.equal(verifyProof(key.publicKey, enrolTranscript(facts), signature), false)
  })
})
