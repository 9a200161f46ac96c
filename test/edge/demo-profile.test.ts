import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readProfile } from '../../client/profile.ts'
import { makeDemoProfile } from '../../edge/demo/profile.ts'
import { type DemoProvider, startDemoProvider } from '../../edge/demo/provider.ts'
import { fetchJwks } from '../../edge/sessions/fetch-jwks.ts'
import { PROFILE_FILES, readSessionDocument } from '../../identity/profile.ts'
import { type IdentityEdge, startIdentityEdge } from './identity-edge.ts'

let root: string
let secretFile: string
let provider: DemoProvider
let edge: IdentityEdge
before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'byname-demo-'))
  secretFile = path.join(root, 'demo-secret')
  const people = ['alice@example.com', 'bob@example.com']
  provider = await startDemoProvider({ people, secretFile, now: Date.now })
  const keys = { kind: 'jwks', jwks: (await fetchJwks(`${provider.url}/jwks`)) as never } as const
  edge = await startIdentityEdge({ issuers: [{ ...provider.issuer, keys }] })
})
after(async () => {
  await provider.close()
  await edge.close()
  await rm(root, { recursive: true })
})

const make = (name: string, person: string) => {
  const { url, caPem } = edge
  const directory = path.join(root, 'profiles', name)
  const at = { url: provider.url, secretFile }
  return makeDemoProfile({
    ...{ directory, name, person, edge: { url, caPem }, provider: at, now: Date.now },
  })
}

describe("a demo person's profile", () => {
  it('is one that the client can read, with a session that the edge knows', async () => {
    const session = await make('alice', 'alice@example.com')
    const directory = path.join(root, 'profiles', 'alice')
    const profile = await readProfile(directory)
    assert.equal(profile.name, 'alice')
    assert.equal(profile.deployment, edge.deployment)
    assert.equal(profile.edgeName, 'edge')
    assert.deepEqual(profile.edge, { url: edge.url, caPem: edge.caPem })
    const kept = readSessionDocument(
      await readFile(path.join(directory, PROFILE_FILES.session), 'utf8'),
    )
    assert.deepEqual(kept, session)
    const known = await edge.sessions.authenticate(kept.token)
    assert.equal(known.person.email, 'alice@example.com')
    assert.equal(known.deviceThumbprint, profile.key.thumbprint)
    for (const file of [...Object.values(PROFILE_FILES), '']) {
      const { mode } = await stat(path.join(directory, file))
      assert.equal(mode & 0o077, 0, file)
    }
  })

  it('made again keeps its device key, and so its session', async () => {
    const first = await make('bob', 'bob@example.com')
    const again = await make('bob', 'bob@example.com')
    assert.equal(again.sessionId, first.sessionId)
  })

  it('is not made for somebody whom the provider does not know, or with another secret', async () => {
    await assert.rejects(make('eve', 'eve@example.com'), { code: 'ERR_DEMO_PROFILE' })
    const secret = await readFile(secretFile)
    await writeFile(secretFile, 'another')
    await assert.rejects(make('alice', 'alice@example.com'), { code: 'ERR_DEMO_PROFILE' })
    await writeFile(secretFile, secret)
  })
})
