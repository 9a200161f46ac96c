import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'

/** The far ends that every way leads to: an iperf3 server and nginx with a small page. */
export interface Origins {
  readonly bulkPort: number
  readonly webPort: number
  readonly children: ChildProcess[]
}

export async function startOrigins(directory: string): Promise<Origins> {
  const [bulkPort, webPort] = [await freePort(), await freePort()]
  mkdirSync(path.join(directory, 'web'), { recursive: true })
  writeFileSync(path.join(directory, 'web', 'index.html'), 'x'.repeat(128))
  writeFileSync(path.join(directory, 'nginx.conf'), nginxConf(directory, webPort))
  const iperf = spawn('iperf3', ['-s', '-B', '127.0.0.1', '-p', String(bulkPort)], QUIET)
  const nginx = spawn('nginx', ['-c', path.join(directory, 'nginx.conf'), '-p', directory], QUIET)
  await Promise.all([untilOpen(bulkPort), untilOpen(webPort)])
  return { bulkPort, webPort, children: [iperf, nginx] }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  const server = net.createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Waits until a loopback port accepts, 15 s at most. */
export async function untilOpen(port: number, host = '127.0.0.1'): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (await accepts(host, port)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing accepts on ${host}:${port} after 15 s`)
}

const QUIET = { stdio: 'ignore' } as const

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

const nginxConf = (directory: string, port: number) => `
daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 10000000; keepalive_timeout 600;
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3;
  uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
  server { listen 127.0.0.1:${port} backlog=4096; root ${directory}/web; }
}
`
