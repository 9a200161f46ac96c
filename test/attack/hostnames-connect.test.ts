import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { LOOKALIKES, NOT_ADDRESSES, NOT_NAMES, SPELLINGS } from '../client/hostile-names.ts'
import { type ProxyUnderTest, proxyOn, talk, tcpOrigin } from '../client/proxy-house.ts'
import { doubleWay, type WayDouble } from '../client/way-double.ts'

/** In a request line these are a name and something else: a space too many, a path, a query. */
const MEANS_MORE = [' wiki.corp.internal', 'wiki.corp.internal/', 'wiki.corp.internal?']

describe('hostnames that are not, by CONNECT and in absolute form', () => {
  let local: Awaited<ReturnType<typeof tcpOrigin>>
  let origin: Awaited<ReturnType<typeof tcpOrigin>>
  let way: WayDouble
  let proxy: ProxyUnderTest
  let reachedLocal = 0

  before(async () => {
    local = await tcpOrigin((socket) => {
      reachedLocal++
      socket.end()
    })
    origin = await tcpOrigin((socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nthe wiki')
    })
    way = doubleWay({ 'wiki.corp.internal': { to: origin.port } })
    proxy = await proxyOn(way)
  })
  after(async () => {
    await proxy.close()
    local.close()
    origin.close()
  })

  const connectTo = (host: string, port: number, at = proxy.port) =>
    talk(at, `CONNECT ${host}:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)
  const getFrom = (host: string, port: number, at = proxy.port) =>
    talk(at, `GET http://${host}:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)

  for (const [how, ask] of [
    ['CONNECT', connectTo],
    ['absolute form', getFrom],
  ] as const) {
    test(`are refused by ${how}, and nobody is asked`, async () => {
      for (const name of [...NOT_NAMES, ...NOT_ADDRESSES]) {
        if (MEANS_MORE.includes(name)) continue
        const answer = (await ask(name, local.port)).toString('latin1')
        assert.match(answer, /^HTTP\/1\.1 (400|403|501|505) /, JSON.stringify(name))
      }
      assert.equal(way.asked.length, 0)
      assert.equal(reachedLocal, 0)
    })
  }

  test('every spelling of a name that HTTP can carry is one name at the gate', async () => {
    for (const ask of [connectTo, getFrom]) {
      for (const name of SPELLINGS) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: HTTP carries ASCII only
        if (!/^[\u0000-\u007f]*$/.test(name)) continue
        assert.match((await ask(name, 80)).toString(), /the wiki$/, name)
        assert.equal(way.asked.at(-1)?.name, 'wiki.corp.internal')
      }
    }
  })

  test('a lookalike is another name, or none', async () => {
    const only = await proxyOn(way, { only: true })
    const before = way.asked.length
    for (const ask of [connectTo, getFrom]) {
      for (const name of LOOKALIKES) {
        const answer = (await ask(name, 80, only.port)).toString('latin1')
        assert.match(answer, /^HTTP\/1\.1 (400|403|502) /, name)
      }
    }
    assert.equal(way.asked.length, before)
    await only.close()
  })
})
