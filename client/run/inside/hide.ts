import { existsSync } from 'node:fs'
import { cString, libc, must } from './libc.ts'

/**
 * Local sockets over which libc asks a daemon of the host for names, past the network and so past us:
 * systemd-resolved's (nsswitch `resolve`) and nscd's. With something else in their place libc goes on
 * to plain DNS.
 */
const NAME_SERVICES = ['/run/systemd/resolve/io.systemd.Resolve', '/run/nscd/socket']
const MS_BIND = 4096n

/** Covers them, for this mount namespace alone. */
export function hideNameServices(paths: readonly string[] = NAME_SERVICES): void {
  for (const path of paths.filter((one) => existsSync(one))) {
    must('mount', libc.mount(cString('/dev/null'), cString(path), 0n, MS_BIND, 0n))
  }
}
