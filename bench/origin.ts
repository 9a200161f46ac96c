import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { nextPort, untilOpen } from './ports.ts'

/** Where the far ends listen on 127.0.0.1. */
export interface OriginPorts {
  readonly bulkPort: number
  readonly webPort: number
}

/** The far ends that every way leads to: an iperf3 server and nginx with a small page. */
export interface Origins extends OriginPorts {
  readonly children: ChildProcess[]
}

export async function startOrigins(directory: string): Promise<Origins> {
  const [bulkPort, webPort] = [await nextPort(), await nextPort()]
  mkdirSync(path.join(directory, 'web'), { recursive: true })
  writeFileSync(path.join(directory, 'web', 'index.html'), 'x'.repeat(128))
  writeFileSync(path.join(directory, 'nginx.conf'), nginxConf(directory, webPort))
  const iperf = spawn('iperf3', ['-s', '-B', '127.0.0.1', '-p', String(bulkPort)], QUIET)
  const nginx = spawn('nginx', ['-c', path.join(directory, 'nginx.conf'), '-p', directory], QUIET)
  await untilOpen(webPort)
  return { bulkPort, webPort, children: [iperf, nginx] }
}

const QUIET = { stdio: 'ignore' } as const

const nginxConf = (directory: string, port: number) => `
daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 10000000; keepalive_timeout 600;
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3;
  uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
  server { listen 127.0.0.1:${port} backlog=4096; root ${directory}/web; }
}
`
