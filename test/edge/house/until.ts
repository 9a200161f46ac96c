import assert from 'node:assert/strict'

/** Waits until `isSo`, looked at every few milliseconds. */
export async function until(isSo: () => boolean, patienceMs = 3000): Promise<void> {
  const begin = performance.now()
  while (!isSo()) {
    assert.ok(performance.now() - begin < patienceMs, `not within ${patienceMs} ms: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
