import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { serveHttp } from './origin.ts'
import { outcomeOf, runInside, saying, start, users } from './start.ts'

/** Serves one line over HTTP on 127.0.0.1 inside, asks it, stops it, asks again. */
const OWN_THEN_HOST = `
import http.server, sys, threading, urllib.request as u
port = int(sys.argv[1])
class Own(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"own")
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", port), Own)
threading.Thread(target=server.serve_forever, daemon=True).start()
ask = lambda: u.urlopen(f"http://127.0.0.1:{port}/").read().decode().split(" ")[0]
print(ask()); server.shutdown(); server.server_close(); print(ask())
`

for (const user of users()) {
  describe(`the host's loopback, as ${user.name}`, { concurrency: 2 }, () => {
    test('its services are reached, by name and by address', async () => {
      const host = await serveHttp('host')
      const script = `for a in localhost 127.0.0.1 127.0.0.9; do curl -sS http://$a:${host.port}/; done`
      const { stdout } = await runInside(user, ['sh', '-c', script])
      host.close()
      // Nobody listens on 127.0.0.9: the host's own answer is a refusal, which comes as a reset.
      const line = (name: string) => `host for ${name}:${host.port} GET /\n`
      assert.equal(stdout, line('localhost') + line('127.0.0.1'))
    })

    test('a service on ::1 is reached', async (t) => {
      const host = await serveHttp('host', { host: '::1' }).catch(() => undefined)
      if (!host) return t.skip('no IPv6 here')
      const { stdout } = await runInside(user, ['curl', '-sS', `http://[::1]:${host.port}/`])
      host.close()
      assert.equal(stdout, `host for [::1]:${host.port} GET /\n`)
    })

    test('a listener of the program itself comes first, and the host after its end', async () => {
      const host = await serveHttp('host')
      const words = ['python3', '-c', OWN_THEN_HOST, String(host.port)]
      const { stdout, stderr } = await runInside(user, words)
      host.close()
      assert.equal(stdout, 'own\nhost\n', stderr)
    })

    test('a port that nobody listens on refuses at once', async () => {
      const gone = await serveHttp('gone')
      gone.close()
      const script = `curl -sS http://127.0.0.1:${gone.port}/; echo $?; curl -sS http://[::1]:${gone.port}/; echo $?`
      const { stdout } = await runInside(user, ['sh', '-c', script])
      assert.equal(stdout, '7\n7\n')
    })

    test('a service that starts later is reached, and refused when it has ended', async () => {
      const first = await serveHttp('first')
      first.close()
      const loop = `until curl -s http://127.0.0.1:${first.port}/; do [ -z "$said" ] && echo closed; said=1; sleep 0.05; done; while curl -s http://127.0.0.1:${first.port}/ >/dev/null; do sleep 0.05; done; echo $?`
      const child = start(user, ['sh', '-c', loop])
      const outcome = outcomeOf(child)
      await saying(child, 'closed')
      const again = await serveHttp('again', { port: first.port })
      await saying(child, 'again')
      again.close()
      const { code, stdout } = await outcome
      assert.equal(code, 0)
      assert.match(stdout, /^closed\nagain for .*\n/)
    })

    test('one direction may end before the other', async () => {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        let bytes = 0
        socket.on('data', (chunk) => {
          bytes += chunk.length
        })
        socket.on('end', () => socket.end(`${bytes} bytes`))
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      const { port } = server.address() as AddressInfo
      const script = `
import socket, sys
for address in (("127.0.0.1", ${port}), ("app.corp.internal", 4000)):
    s = socket.create_connection(address)
    s.sendall(b"x" * 500000); s.shutdown(socket.SHUT_WR); print(s.recv(99).decode())`
      const names = { 'app.corp.internal': port }
      const { stdout, stderr } = await runInside(user, ['python3', '-c', script], { names })
      server.close()
      assert.equal(stdout, '500000 bytes\n500000 bytes\n', stderr)
    })

    test('a program may listen on port 80 inside', async () => {
      const script =
        'import socket; s=socket.create_server(("127.0.0.1",80)); c=socket.create_connection(("127.0.0.1",80)); print(s.accept()[1]==c.getsockname())'
      const { stdout, stderr } = await runInside(user, ['python3', '-c', script])
      assert.equal(stdout, 'True\n', stderr)
    })
  })
}
