import { untilOpen as accepts, freePort } from '../cli/demo/ports.ts'
import type { Endpoint } from './way.ts'

/** Below what systems give to connections on their way out: thousands of those come and go here. */
const [FROM, COUNT] = [12_000, 20_000]
let last = Math.floor(Math.random() * COUNT)

/** A loopback port that is free now and was not given out before in this process. */
export function nextPort(): Promise<number> {
  last = (last + 1) % COUNT
  return freePort(FROM + last)
}

/** Waits until something accepts there, 45 s at most: a busy machine takes its time. */
export async function untilOpen(port: number, host?: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await accepts(port, host)
      return
    } catch (error) {
      if (tries === 3) throw error
    }
  }
}

/**
 * Waits for a page from the far end of a way, 30 s at most. The bulk side comes up with it, and is not
 * tried: iperf3's server would wait for what a mere look has to say.
 */
export async function untilAnswered({ host, port }: Endpoint): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`http://${host}:${port}/`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`no page from ${host}:${port} after 30 s`)
}
