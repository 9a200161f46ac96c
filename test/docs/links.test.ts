import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { pages, ROOT, readText } from './files.ts'

const LINK = /\]\(([^)\s]+)\)/g
const isElsewhere = (target: string) => /^[a-z]+:/.test(target)

for (const page of pages()) {
  test(`every link of ${page} leads to something that is there`, () => {
    for (const [, target = ''] of withoutCode(readText(page)).matchAll(LINK)) {
      if (isElsewhere(target)) continue
      const [file = '', heading] = target.split('#')
      const at = file === '' ? page : path.join(path.dirname(page), decodeURI(file))
      assert.ok(existsSync(path.join(ROOT, at)), `${target} of ${page}`)
      if (heading)
        assert.ok(anchorsOf(at).includes(heading), `${target} of ${page}: no such heading`)
    }
  })

  test(`every file that ${page} names in backticks is there`, () => {
    for (const [, file = ''] of readText(page).matchAll(NAMED)) {
      const places = [file, path.join(path.dirname(page), file)]
      assert.ok(
        places.some((place) => existsSync(path.join(ROOT, place))),
        `${file} of ${page}`,
      )
    }
  })
}

test('docs/adr/README.md lists every decision', () => {
  const listed = readText('docs/adr/README.md')
  const decisions = pages().filter((page) => /^docs\/adr\/\d/.test(page))
  assert.ok(decisions.length > 3)
  for (const page of decisions) assert.ok(listed.includes(`(${path.basename(page)})`), page)
})

/** `edge/gate.ts`: a path with a folder of ours in front. */
const NAMED =
  /`((?:bench|cli|client|connector|edge|identity|names|policy|process|resolver|test|tunnel)\/[\w./-]+\.(?:ts|mjs|md))`/g

const withoutCode = (text: string) => text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '')

/** GitHub's anchors: lower case, spaces to hyphens, punctuation gone. */
function anchorsOf(page: string): string[] {
  const headings = [...readText(page).matchAll(/^#+ (.+)$/gm)]
  return headings.map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-'),
  )
}
