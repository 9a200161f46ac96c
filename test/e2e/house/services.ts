import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import type { Room } from './room.ts'

/** The real servers of the private network, all on one address, each on its usual port. */
export interface Services {
  readonly directory: string
  /** The certificate that the origin's own TLS shows, for curl --cacert. */
  readonly originCa: string
  /** The private key that sshd lets in, and the file that vouches for sshd. */
  readonly sshKey: string
  readonly knownHosts: string
}

/** Starts nginx (80, 443), PostgreSQL (5432), sshd (22), Redis (6379) and dnsmasq (53). */
export async function startServices(
  room: Room,
  address: string,
  directory: string,
): Promise<Services> {
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o711)
  startDns(room, address, directory)
  startNginx(room, address, directory)
  startRedis(room, address)
  startSsh(room, address, directory)
  startPostgres(room, address, directory)
  for (const port of [53, 80, 443, 22, 6379, 5432]) await untilListening(room, port)
  return {
    directory,
    originCa: path.join(directory, 'origin.pem'),
    sshKey: path.join(directory, 'user_key'),
    knownHosts: path.join(directory, 'known_hosts'),
  }
}

/** Waits until something listens on the port in the room, 20 s at most. */
export async function untilListening(room: Room, port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { stdout } = await room.run(['ss', '-Hltn', `sport = :${port}`])
    if (stdout.trim() !== '') return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing listens on ${port} in ${room.name} after 20 s`)
}

export const APP_NAMES = ['wiki', 'db', 'git', 'cache', 'echo']

function startDns(room: Room, address: string, directory: string): ChildProcess {
  const hosts = APP_NAMES.map((name) => `--address=/${name}.corp.internal/${address}`)
  return room.start([
    'dnsmasq',
    '--keep-in-foreground',
    '--no-resolv',
    '--no-hosts',
    '--bind-interfaces',
    `--listen-address=${address}`,
    `--pid-file=${directory}/dnsmasq.pid`,
    '--address=/rebind.corp.internal/127.0.0.1',
    '--address=/metadata.corp.internal/169.254.169.254',
    '--txt-record=wiki.corp.internal,the wiki of the company',
    '--address=/edge.example/10.81.1.2',
    '--srv-host=_postgresql._tcp.db.corp.internal,db.corp.internal,5432',
    ...hosts,
  ])
}

function startNginx(room: Room, address: string, directory: string): ChildProcess {
  makeCertificate(directory)
  const web = path.join(directory, 'web')
  mkdirSync(path.join(web, 'upload'), { recursive: true })
  mkdirSync(path.join(directory, 'nginx'), { recursive: true })
  writeFileSync(path.join(web, 'index.html'), 'the wiki\n')
  writeFileSync(
    path.join(directory, 'nginx.conf'),
    `daemon off; user root; worker_processes 1; pid ${directory}/nginx/pid; error_log ${directory}/nginx/error.log;
    events { worker_connections 4096; }
    http {
      access_log off; client_max_body_size 0; keepalive_requests 100000; sendfile on;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${directory}/nginx/${one};`).join(' ')}
      server {
        listen ${address}:80; listen ${address}:443 ssl http2; server_name wiki.corp.internal; root ${web};
        ssl_certificate ${directory}/origin.pem; ssl_certificate_key ${directory}/origin.key;
        location /upload/ { dav_methods PUT; }
        location /paced/ { alias ${web}/; limit_rate 6m; }
      }
    }\n`,
  )
  return room.start(['nginx', '-c', path.join(directory, 'nginx.conf'), '-p', directory])
}

function makeCertificate(directory: string): void {
  const names = APP_NAMES.map((name) => `DNS:${name}.corp.internal`).join(',')
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=origin -addext subjectAltName=${names} -keyout origin.key -out origin.pem`.split(
      ' ',
    ),
    { cwd: directory, stdio: 'ignore' },
  )
}

function startRedis(room: Room, address: string): ChildProcess {
  return room.start(['redis-server', '--bind', address, '--save', '', '--protected-mode', 'no'])
}

function startSsh(room: Room, address: string, directory: string): ChildProcess {
  for (const key of ['host_key', 'user_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(directory, key)])
  execFileSync('sh', ['-c', `echo "git.corp.internal $(cat host_key.pub)" > known_hosts`], {
    cwd: directory,
  })
  execFileSync('git', ['init', '-q', '--bare', path.join(directory, 'project.git')])
  mkdirSync('/run/sshd', { recursive: true })
  writeFileSync(
    path.join(directory, 'sshd_config'),
    [
      `ListenAddress ${address}:22`,
      `HostKey ${directory}/host_key`,
      `AuthorizedKeysFile ${directory}/user_key.pub`,
      'PermitRootLogin prohibit-password',
      'StrictModes no',
      'UsePAM no',
      `PidFile ${directory}/sshd.pid`,
      'Subsystem sftp internal-sftp',
      'MaxStartups 200:30:400',
    ].join('\n'),
  )
  return room.start(['/usr/sbin/sshd', '-D', '-e', '-f', path.join(directory, 'sshd_config')])
}

function startPostgres(room: Room, address: string, directory: string): ChildProcess {
  const data = path.join(directory, 'pg')
  const binaries = path.join('/usr/lib/postgresql', newestPostgres(), 'bin')
  mkdirSync(data, { recursive: true })
  const owner = statSync('/etc/passwd').uid === 0 ? postgresIds() : { uid: 0, gid: 0 }
  chownSync(data, owner.uid, owner.gid)
  const init = spawnSync(path.join(binaries, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'app'], {
    ...owner,
    env: { LC_ALL: 'C.UTF-8', PATH: process.env.PATH },
    encoding: 'utf8',
  })
  if (init.status !== 0) throw new Error(`initdb: ${init.stderr}`)
  writeFileSync(path.join(data, 'pg_hba.conf'), 'host all all all trust\nlocal all all trust\n')
  const as = ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  const settings = [`listen_addresses=${address}`, `unix_socket_directories=${data}`, 'fsync=off']
  return room.start([
    ...as,
    path.join(binaries, 'postgres'),
    '-D',
    data,
    ...settings.flatMap((setting) => ['-c', setting]),
  ])
}

function newestPostgres(): string {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : []
  if (versions[0] === undefined) throw new Error('PostgreSQL is not installed')
  return versions[0]
}

function postgresIds(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
