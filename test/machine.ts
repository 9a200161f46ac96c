import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Every program that a test drives, and the Debian package that brings it. */
const PROGRAMS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['/usr/bin/curl', 'curl'],
  ['/usr/bin/python3', 'python3'],
  ['/usr/bin/git', 'git'],
  ['/usr/bin/dig', 'bind9-dnsutils'],
  ['/usr/bin/psql', 'postgresql-client'],
  ['/usr/lib/postgresql', 'postgresql'],
  ['/usr/bin/ssh', 'openssh-client'],
  ['/usr/sbin/sshd', 'openssh-server'],
  ['/usr/bin/redis-cli', 'redis-tools'],
  ['/usr/bin/redis-server', 'redis-server'],
  ['/usr/sbin/nft', 'nftables'],
  ['/usr/sbin/ip', 'iproute2'],
  ['/usr/bin/ss', 'iproute2'],
  ['/usr/bin/pgrep', 'procps'],
  ['/usr/bin/unshare', 'util-linux'],
  ['/usr/bin/script', 'bsdutils'],
  ['/usr/bin/openssl', 'openssl'],
  ['/usr/bin/iperf3', 'iperf3'],
  ['/usr/bin/wrk', 'wrk'],
  ['/usr/sbin/nginx', 'nginx-light'],
  ['/usr/sbin/dnsmasq', 'dnsmasq-base'],
  ['/usr/bin/chromium', 'chromium'],
]

/** Installs the missing packages where that is possible (root, apt), else says which they are. */
export function setUpMachine(): void {
  const missing = PROGRAMS.filter(([program]) => !existsSync(program))
  const packages = [...new Set(missing.map(([, name]) => name))]
  if (packages.length === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.log(`not installed here, so tests that drive them are skipped: ${packages.join(' ')}`)
    return
  }
  console.log(`installing what the tests drive: ${packages.join(' ')}`)
  apt(['update', '-qq'])
  apt(['install', '-y', '-qq', '--no-install-recommends', ...packages])
}

function apt(args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status } = spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env })
  if (status !== 0) console.log(`apt-get ${args[0]} ended with ${status}; going on without`)
}
