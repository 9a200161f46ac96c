import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openChromium, whyNoChromium } from '../client/chromium.ts'
import { bodyOf, httpOrigin, type ProxyUnderTest, proxyOn } from '../client/proxy-house.ts'
import { doubleWay, type WayDouble } from '../client/way-double.ts'

const APP = 'wiki.corp.internal'
const WAIT_MS = 20_000

describe('a real browser and the local proxy', { skip: whyNoChromium }, () => {
  let app: Awaited<ReturnType<typeof httpOrigin>>
  let way: WayDouble
  let proxy: ProxyUnderTest
  before(async () => {
    app = await httpOrigin((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'text/html' })
      outgoing.end('<script>location = "/seen"</script>')
    })
    way = doubleWay({ [APP]: { to: app.port } })
    proxy = await proxyOn(way)
  })
  after(async () => {
    await proxy.close()
    app.close()
  })

  /** Serves a page and gives what its script reports. */
  async function visit(page: (port: number) => string): Promise<Record<string, string>> {
    const reported = Promise.withResolvers<Record<string, string>>()
    const site = await httpOrigin(async (incoming, outgoing) => {
      if (incoming.method === 'POST') reported.resolve(JSON.parse(String(await bodyOf(incoming))))
      outgoing.writeHead(200, { 'content-type': 'text/html' })
      outgoing.end(incoming.method === 'GET' ? page(proxy.port) : '')
    })
    const browser = openChromium(`http://127.0.0.1:${site.port}/`)
    const timer = setTimeout(() => reported.reject(new Error('the page reports nothing')), WAIT_MS)
    try {
      return await reported.promise
    } finally {
      clearTimeout(timer)
      await browser.close()
      site.close()
    }
  }

  test('a page can read nothing from the proxy port and open nothing through it', async () => {
    const opened = way.asked.length
    const seen = await visit((port) => `<script type="module">${script(port)}</script>`)
    assert.deepEqual(seen, {
      control: 'read 200',
      fetch: 'failed',
      'absolute-form': 'failed',
      pac: 'failed',
      post: 'failed',
      websocket: 'failed',
      image: 'failed',
      script: 'failed',
    })
    assert.equal(way.asked.length, opened)
  })

  test('the same browser, told of the proxy by its PAC file, loads the app by name', async () => {
    const opened = way.asked.length
    const pac = `--proxy-pac-url=http://127.0.0.1:${proxy.port}/proxy.pac`
    const browser = openChromium(`http://${APP}/`, [pac])
    try {
      for (let tries = 0; tries < WAIT_MS / 100 && way.asked.length === opened; tries++)
        await new Promise((resolve) => setTimeout(resolve, 100))
      assert.ok(way.asked.length > opened, 'the browser never came')
    } finally {
      await browser.close()
    }
  })
})

/** Tries every way that a page has; `control` shows that the script can see a success. */
const script = (port: number) => `
const proxy = 'http://127.0.0.1:${port}'
const attempt = (work) => Promise.race([work(), new Promise((_, no) => setTimeout(no, 5000))])
  .catch(() => 'failed')
const read = async (url, options) => {
  const answer = await fetch(url, options)
  if (answer.type === 'opaque') throw new Error('nothing to see')
  return 'read ' + answer.status
}
const load = (tag) => () => new Promise((yes, no) => {
  const element = document.createElement(tag)
  element.onload = () => yes('loaded')
  element.onerror = no
  element.src = proxy + '/proxy.pac'
  document.body.append(element)
})
const seen = {
  control: await attempt(() => read('/')),
  fetch: await attempt(() => read(proxy + '/')),
  'absolute-form': await attempt(() => read(proxy + '/http://${APP}/')),
  pac: await attempt(() => read(proxy + '/proxy.pac')),
  post: await attempt(() => read(proxy + '/', { method: 'POST', mode: 'no-cors', body: 'a=b' })),
  websocket: await attempt(() => new Promise((yes, no) => {
    const socket = new WebSocket('ws://127.0.0.1:${port}/')
    socket.onopen = () => yes('open')
    socket.onerror = no
  })),
  image: await attempt(load('img')),
  script: await attempt(load('script')),
}
await fetch('/report', { method: 'POST', body: JSON.stringify(seen) })
`
