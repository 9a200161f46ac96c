import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { LOOKALIKES, NOT_ADDRESSES, NOT_NAMES, SPELLINGS } from '../client/hostile-names.ts'
import { type ProxyUnderTest, proxyOn, talk, tcpOrigin } from '../client/proxy-house.ts'
import { doubleWay, type WayDouble } from '../client/way-double.ts'

describe('hostnames that are not, by SOCKS', () => {
  let local: Awaited<ReturnType<typeof tcpOrigin>>
  let origin: Awaited<ReturnType<typeof tcpOrigin>>
  let way: WayDouble
  let proxy: ProxyUnderTest
  let reachedLocal = 0

  before(async () => {
    local = await tcpOrigin((socket) => {
      reachedLocal++
      socket.end('a service of this machine')
    })
    origin = await tcpOrigin((socket) => socket.end('the wiki'))
    way = doubleWay({ 'wiki.corp.internal': { to: origin.port } })
    proxy = await proxyOn(way)
  })
  after(async () => {
    await proxy.close()
    local.close()
    origin.close()
  })

  function by5(name: Buffer, port: number): Promise<Buffer> {
    const head = Buffer.from([5, 1, 0, 5, 1, 0, 3, name.length])
    return talk(proxy.port, Buffer.concat([head, name, Buffer.from([port >> 8, port & 255])]))
  }

  function by4a(name: Buffer, port: number): Promise<Buffer> {
    const head = Buffer.from([4, 1, port >> 8, port & 255, 0, 0, 0, 1, 0])
    return talk(proxy.port, Buffer.concat([head, name, Buffer.from([0])]))
  }

  test('no such name is what they are told, and nobody is asked', async () => {
    for (const text of [...NOT_NAMES, ...NOT_ADDRESSES]) {
      const name = Buffer.from(text)
      if (name.length > 255) continue
      const answer = await by5(name, local.port)
      assert.deepEqual([...answer.subarray(2, 4)], [5, 4], JSON.stringify(text))
    }
    assert.equal(way.asked.length, 0)
    assert.equal(reachedLocal, 0)
  })

  test('SOCKS4a refuses them too, and a NUL ends the name there', async () => {
    for (const text of [...NOT_NAMES, ...NOT_ADDRESSES]) {
      if (text.includes('\0') || Buffer.byteLength(text) > 255) continue
      const answer = await by4a(Buffer.from(text), local.port)
      assert.equal(answer[1], 0x5b, JSON.stringify(text))
    }
    assert.equal(way.asked.length, 0)
    const long = await by4a(Buffer.alloc(300, 'a'), 80)
    assert.equal(long.length, 0)
  })

  test('octets that are no UTF-8 are no name', async () => {
    for (const hex of ['ff', 'c0af', 'eda080', 'f8888080', '77696b69ff']) {
      const name = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from('.corp.internal')])
      assert.equal((await by5(name, 80))[3], 4, hex)
    }
    assert.equal(way.asked.length, 0)
  })

  test('every spelling of a name is one name at the gate', async () => {
    for (const text of SPELLINGS) {
      const answer = await by5(Buffer.from(text), 80)
      assert.match(answer.toString('latin1'), /the wiki$/, text)
      assert.equal(way.asked.at(-1)?.name, 'wiki.corp.internal', text)
    }
  })

  test('a lookalike is another name, which nobody publishes', async () => {
    const only = await proxyOn(way, { only: true })
    const before = way.asked.length
    for (const text of LOOKALIKES) {
      const name = Buffer.from(text)
      const ask = [Buffer.from([5, 1, 0, 5, 1, 0, 3, name.length]), name, Buffer.from([0, 80])]
      const answer = await talk(only.port, Buffer.concat(ask))
      assert.ok(answer[3] === 4 || answer[3] === 2, text)
    }
    assert.equal(way.asked.length, before)
    await only.close()
  })
})
