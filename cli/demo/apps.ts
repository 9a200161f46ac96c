/**
 * The demo's private apps, a process of their own: a wiki and, where it is installed, PostgreSQL.
 * Both listen on Unix sockets in a directory that only their user may enter. Tells its parent over
 * IPC what runs, and ends with it.
 *
 *   node apps.ts DIRECTORY
 */
import { rmSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { startPostgres } from './postgres.ts'

export interface AppsReady {
  readonly wikiSocket: string
  readonly databaseSocket?: string | undefined
  readonly databaseLeftOut?: string | undefined
}

export const WIKI_PAGE = 'Welcome to the wiki. You got here by its name.\n'

if (import.meta.main) await main(process.argv[2] ?? '.')

async function main(directory: string): Promise<void> {
  // Unix socket paths are short: everything is named from here.
  process.chdir(directory)
  const wiki = http.createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(WIKI_PAGE)
  })
  rmSync('wiki.sock', { force: true })
  await new Promise<void>((resolve) => wiki.listen('wiki.sock', resolve))
  const database = await startPostgres(path.join(directory, 'db'))
  const stop = () => {
    wiki.close()
    if (database.kind !== 'running') process.exit(0)
    database.child.once('exit', () => process.exit(0))
    database.child.kill('SIGINT')
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(signal, stop)
  const ready: AppsReady = {
    wikiSocket: path.join(directory, 'wiki.sock'),
    databaseSocket: database.kind === 'running' ? database.socket : undefined,
    databaseLeftOut: database.kind === 'left-out' ? database.why : undefined,
  }
  process.send?.(ready)
}
