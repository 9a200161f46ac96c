import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** Why there is no database in the demo, in a sentence for the newcomer. */
export type Database =
  | { readonly kind: 'running'; readonly child: ChildProcess; readonly socket: string }
  | { readonly kind: 'left-out'; readonly why: string }

/**
 * A PostgreSQL of the demo's own, in a directory of its own: it listens on a Unix socket there and on
 * no address, so that only the connector's user can reach it.
 */
export async function startPostgres(directory: string): Promise<Database> {
  const binaries = findBinaries()
  if (binaries === undefined) return leftOut('PostgreSQL is not installed')
  const data = path.join(directory, 'data')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const init = ['-D', data, '-A', 'trust', '-U', 'demo', '--no-sync', '-E', 'UTF8', '--locale=C']
  const made = spawnSync(...asUser(path.join(binaries, 'initdb'), init), { encoding: 'utf8' })
  if (made.status !== 0) return leftOut(`initdb failed: ${lastLine(made.stderr) || made.error}`)
  return start(path.join(binaries, 'postgres'), data)
}

async function start(postgres: string, data: string): Promise<Database> {
  // The socket's directory is relative to the data directory: a Unix path has 107 bytes at most.
  const settings = ['listen_addresses=', 'unix_socket_directories=.', 'fsync=off']
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const child = spawn(...asUser(postgres, args), { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said = (said + chunk).slice(-4000)
  })
  const socket = path.join(data, '.s.PGSQL.5432')
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    if (existsSync(socket) && /ready to accept/.test(said))
      return { kind: 'running', child, socket }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  child.kill('SIGKILL')
  return leftOut(`PostgreSQL does not start: ${lastLine(said)}`)
}

const leftOut = (why: string): Database => ({ kind: 'left-out', why })

function findBinaries(): string | undefined {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : []
  const places = [...versions.map((version) => path.join(base, version, 'bin')), ...pathEntries()]
  const isWhole = (place: string) =>
    ['initdb', 'postgres'].every((program) => existsSync(path.join(place, program)))
  return places.find(isWhole)
}

const pathEntries = () => (process.env.PATH ?? '').split(':').filter(Boolean)

/** PostgreSQL refuses to be root, so root becomes somebody in a user namespace, with its own files. */
function asUser(program: string, args: string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [program, args]
  return ['unshare', ['-U', '--map-user=1000', '--map-group=1000', '--', program, ...args]]
}

const lastLine = (text: string | undefined) => text?.trim().split('\n').at(-1) ?? ''
