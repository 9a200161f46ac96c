// A program like any other, which knows nothing of byname: it looks a name up, gets a page from it,
// and prints what it saw as JSON.   node visit.mjs http://wiki.corp.internal/
import dns from 'node:dns/promises'

const url = new URL(process.argv[2])
const seen = { address: undefined, page: undefined, error: undefined }
try {
  // Where a proxy does the looking up there is no address to show.
  if (process.env.HTTP_PROXY === undefined) seen.address = (await dns.lookup(url.hostname)).address
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  seen.page = await answer.text()
  if (!answer.ok) seen.error = `HTTP ${answer.status}`
} catch (error) {
  seen.error = error.cause?.code ?? error.code ?? error.message
}
console.log(JSON.stringify(seen))
