/**
 * A load balancer that looks at its edge: `node health-watch.ts URL EVERY_MS TIMEOUT_MS`. A line of
 * JSON each second says what it saw since `reset` last came on stdin.
 */
import http from 'node:http'

export interface Health {
  readonly asked: number
  readonly failed: readonly string[]
  readonly slowestMs: number
}

const [url = '', everyMs = '0', timeoutMs = '0'] = process.argv.slice(2)
let health = { asked: 0, failed: [] as string[], slowestMs: 0 }
setInterval(() => void ask(health), Number(everyMs))
setInterval(() => console.log(JSON.stringify(health)), 200)
process.stdin.on('data', () => {
  health = { asked: 0, failed: [], slowestMs: 0 }
})

async function ask(into: typeof health): Promise<void> {
  const startedAt = performance.now()
  into.asked++
  const problem = await problemOf()
  into.slowestMs = Math.max(into.slowestMs, performance.now() - startedAt)
  if (problem !== undefined) into.failed.push(problem)
}

function problemOf(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = http.get(url, { timeout: Number(timeoutMs), agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`)
    })
    request.on('timeout', () => request.destroy(new Error('too slow')))
    request.on('error', (error) => resolve(error.message))
  })
}
