/**
 * Somebody who types: `node keystrokes.ts HOST PORT COUNT GAP_MS` sends one byte at a time to the echo
 * of origin.ts and prints how long each took to come back, in milliseconds, as a JSON list.
 */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const [host = '', port = '0', count = '0', gapMs = '0'] = process.argv.slice(2)
const socket = net.connect({ host, port: Number(port), noDelay: true })
await once(socket, 'connect')
socket.write('echo\n')
await stroke()
const took: number[] = []
for (let index = 0; index < Number(count); index++) {
  took.push(await stroke())
  await sleep(Number(gapMs))
}
console.log(JSON.stringify(took))
process.exit()

async function stroke(): Promise<number> {
  const startedAt = performance.now()
  socket.write('x')
  await once(socket, 'data')
  return performance.now() - startedAt
}
