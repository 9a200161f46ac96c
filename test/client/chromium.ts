import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const CHROMIUM = '/usr/bin/chromium'

export const whyNoChromium = existsSync(CHROMIUM) ? false : 'chromium is not installed'

/** A headless Chromium with a fresh profile, at `url`, until it is closed. */
export function openChromium(url: string, flags: readonly string[] = []) {
  const profile = mkdtempSync(path.join(tmpdir(), 'byname-chromium-'))
  const child: ChildProcess = spawn(
    CHROMIUM,
    [...QUIET, `--user-data-dir=${profile}`, ...flags, url],
    { stdio: 'ignore', detached: true },
  )
  return {
    async close(): Promise<void> {
      const ended = new Promise((resolve) => child.on('exit', resolve))
      // Its helpers are in its process group.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      await ended
      await new Promise((resolve) => setTimeout(resolve, 100))
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
