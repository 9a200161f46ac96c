import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConnectorSettings } from '../../connector/settings.ts'
import { parseEdgeSettings } from '../../edge/settings.ts'
import { check } from '../../policy/check.ts'
import { pages, readText } from './files.ts'

const PLACES = { stateDirectory: '/state', controlPath: (directory: string) => `${directory}/sock` }

/** What reads each file that a page shows under its name (`# edge.yaml`). */
const READERS: Record<string, (text: string) => void> = {
  'edge.yaml': (text) => void parseEdgeSettings(text, '/sample/edge.yaml', PLACES),
  'connector.yaml': (text) => void parseConnectorSettings(text, '/sample/connector.yaml'),
  'policy.yaml': (text) => {
    const checked = check(text, '/sample/policy.yaml')
    assert.equal(checked.kind, 'accepted', JSON.stringify(checked))
  },
}

const samples = pages().flatMap((page) => samplesOf(page, readText(page)))

test('the pages show samples of every file', () => {
  const names = new Set(samples.map(({ name }) => name))
  assert.deepEqual([...names].sort(), Object.keys(READERS).sort())
})

for (const { page, name, text } of samples) {
  test(`the ${name} that ${page} shows is taken as it stands`, () => READERS[name]?.(text))
}

function samplesOf(page: string, text: string) {
  const blocks = [...text.matchAll(/^```yaml\n(# (\w+\.yaml)\b.*?)^```/gms)]
  return blocks.map(([, sample = '', name = '']) => ({ page, name, text: sample }))
}
