import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import type { OriginPorts } from './origin.ts'
import { nextPort, untilOpen } from './ports.ts'
import type { Way } from './way.ts'

/**
 * What people build by hand for the same job: `ssh -R` from beside the origin and `ssh -L` from the
 * user to one sshd between them, AES-128-GCM, no compression.
 */
export async function startSshChain(
  directory: string,
  origins: OriginPorts,
  children: ChildProcess[],
): Promise<Way> {
  mkdirSync(directory, { recursive: true })
  for (const key of ['host_key', 'user_key'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(directory, key)])
  const [port, farBulk, farWeb, bulk, web] = await Promise.all(
    [1, 2, 3, 4, 5].map(() => nextPort()),
  )
  children.push(startSshd(directory, port ?? 0))
  await untilOpen(port ?? 0)
  children.push(
    startSsh(directory, port ?? 0, [
      ...['-R', `127.0.0.1:${farBulk}:127.0.0.1:${origins.bulkPort}`],
      ...['-R', `127.0.0.1:${farWeb}:127.0.0.1:${origins.webPort}`],
    ]),
  )
  await untilOpen(farWeb ?? 0)
  children.push(
    startSsh(directory, port ?? 0, [
      ...['-L', `127.0.0.1:${bulk}:127.0.0.1:${farBulk}`],
      ...['-L', `127.0.0.1:${web}:127.0.0.1:${farWeb}`],
    ]),
  )
  await untilOpen(web ?? 0)
  const at = (to: number | undefined) => ({ host: '127.0.0.1', port: to ?? 0 })
  return { name: 'ssh-chain', bulk: at(bulk), web: at(web) }
}

function startSshd(directory: string, port: number): ChildProcess {
  const config = path.join(directory, 'sshd_config')
  writeFileSync(
    config,
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${directory}/host_key`,
      `AuthorizedKeysFile ${directory}/user_key.pub`,
      'PermitRootLogin prohibit-password',
      'StrictModes no',
      'UsePAM no',
      'AllowTcpForwarding yes',
      `PidFile ${directory}/sshd.pid`,
      'Ciphers aes128-gcm@openssh.com',
      'Compression no',
    ].join('\n'),
  )
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  return spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: 'ignore' })
}

function startSsh(directory: string, port: number, forwards: string[]): ChildProcess {
  const options = [
    'StrictHostKeyChecking=no',
    `UserKnownHostsFile=${directory}/known_hosts`,
    'ExitOnForwardFailure=yes',
    'Ciphers=aes128-gcm@openssh.com',
    'Compression=no',
    'ControlMaster=no',
  ].flatMap((option) => ['-o', option])
  const who = `${userInfo().username}@127.0.0.1`
  const args = ['-F', 'none', '-N', '-i', path.join(directory, 'user_key'), ...options]
  return spawn('ssh', [...args, '-p', String(port), ...forwards, who], { stdio: 'ignore' })
}
