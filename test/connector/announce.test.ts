import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announcementOf, Notices, ungranted } from '../../connector/announce.ts'
import { Apps } from '../../connector/app.ts'
import { parseConnectorSettings } from '../../connector/settings.ts'
import { parseHostname } from '../../names/hostname.ts'
import { formatPattern } from '../../names/pattern.ts'

const { apps } = parseConnectorSettings(
  `
apps:
  - { host: wiki.corp.internal, to: "http://localhost:8080" }
  - { host: "*.ci.corp.internal", ports: [22, 8000-8999] }
  - { host: one.ci.corp.internal, ports: [443] }
`,
  '/c.yaml',
)

test('the announcement has every app, its ports, whether `to` fixes it, and its health', () => {
  const port = (from: number, to = from) => ({ from, to, protocol: 'tcp' })
  assert.deepEqual(
    announcementOf(apps, ({ health }) => (health === 'tcp' ? 'ok' : 'unknown')),
    {
      kind: 'announce',
      apps: [
        {
          pattern: 'wiki.corp.internal',
          ports: [port(80), port(8080)],
          fixedTo: true,
          health: 'ok',
        },
        {
          pattern: '*.ci.corp.internal',
          ports: [port(22), port(8000, 8999)],
          fixedTo: false,
          health: 'unknown',
        },
        { pattern: 'one.ci.corp.internal', ports: [port(443)], fixedTo: false, health: 'ok' },
      ],
    },
  )
})

test('apps outside the grants are known before the edge says so', () => {
  const outside = (...grants: string[]) =>
    ungranted(apps, grants).map(({ pattern }) => formatPattern(pattern))
  assert.deepEqual(outside('domain:corp.internal'), [])
  assert.deepEqual(outside('wiki.corp.internal', '*.ci.corp.internal'), [])
  assert.deepEqual(outside('domain:ci.corp.internal'), ['wiki.corp.internal'])
  assert.deepEqual(outside('*.corp.internal', 'not a name'), [
    '*.ci.corp.internal',
    'one.ci.corp.internal',
  ])
  assert.equal(outside().length, 3)
})

test('an app is found by name and port, an exact host hiding the wildcard on every port', () => {
  const published = new Apps(apps)
  const find = (name: string, port: number) => published.find(parseHostname(name), port)?.pattern
  assert.equal(find('wiki.corp.internal', 80)?.base, 'wiki.corp.internal')
  assert.equal(find('two.ci.corp.internal', 8500)?.kind, 'wildcard')
  assert.equal(find('one.ci.corp.internal', 443)?.kind, 'host')
  for (const [name, port] of [
    ['one.ci.corp.internal', 22],
    ['wiki.corp.internal', 81],
    ['two.ci.corp.internal', 7999],
    ['ci.corp.internal', 22],
    ['a.b.ci.corp.internal', 22],
    ['corp.internal', 80],
  ] as const) {
    assert.equal(find(name, port), undefined, `${name}:${port}`)
  }
})

test('a notice is news once, is counted afterwards, and the oldest of many is forgotten', () => {
  const notices = new Notices()
  const notice = (text: string) =>
    ({ kind: 'notice', level: 'warning', code: 'not-granted', text, facts: {} }) as const
  assert.equal(notices.keep(notice('x'), 1), true)
  assert.equal(notices.keep(notice('x'), 2), false)
  assert.deepEqual(notices.all, [
    { at: 2, level: 'warning', code: 'not-granted', text: 'x', count: 2 },
  ])
  for (let at = 0; at < 500; at++) notices.keep(notice(`${at}`), at)
  assert.equal(notices.all.length, 50)
  assert.equal(notices.all[0]?.text, '450')
})
