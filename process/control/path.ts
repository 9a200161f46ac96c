import { lstat, mkdir, rm } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { shortSocketPath } from '../socket-path.ts'
import { ControlError } from './error.ts'

/**
 * Makes `server` listen on `file`, readable by its owner alone from the first moment, in place of a
 * socket file that nobody answers on.
 * @throws {ControlError} ERR_CONTROL_IN_USE, ERR_CONTROL_PATH
 */
export async function claimPath(server: net.Server, file: string): Promise<void> {
  const short = shortSocketPath(file)
  if (short === undefined) throw pathError(file, 'it is too long for a Unix socket (107 bytes)')
  await mkdir(path.dirname(path.resolve(file)), { recursive: true, mode: 0o700 })
  await removeStale(file, short)
  await listenPrivately(server, short)
}

/** Whether somebody accepts connections there now. */
function isLive(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ path: file })
    const settle = (live: boolean) => {
      socket.destroy()
      resolve(live)
    }
    socket.once('connect', () => settle(true))
    // EAGAIN is a live server with a full queue; EACCES is somebody else's, and not ours to remove.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    )
  })
}

async function removeStale(file: string, short: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) throw pathError(file, 'something else than a socket is there')
  if (await isLive(short)) {
    throw new ControlError('ERR_CONTROL_IN_USE', `another process answers on ${file}`, {
      path: file,
      why: 'two of them cannot share one state directory',
      fix: 'stop the other one, or give this one its own BYNAME_STATE_DIR',
    })
  }
  await rm(file, { force: true })
}

/** chmod after listen would leave a moment for others; bind itself happens within listen(). */
function listenPrivately(server: net.Server, short: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    try {
      server.listen({ path: short }, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

function pathError(file: string, why: string): ControlError {
  const fix = 'BYNAME_STATE_DIR=/a/shorter/directory'
  return new ControlError('ERR_CONTROL_PATH', `no control socket can be at ${file}`, {
    path: file,
    why,
    fix,
  })
}
