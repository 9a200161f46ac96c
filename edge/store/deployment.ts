import { randomBytes } from 'node:crypto'
import type { Store } from './store.ts'

const KEY = 'deployment'
const DEMO = 'demo'

/**
 * The deployment's id, made with its store: part of every token and proof, so that nothing of one
 * deployment opens another.
 */
export async function deploymentOf(
  store: Store,
  random: (size: number) => Uint8Array = randomBytes,
): Promise<string> {
  await store.create(KEY, { id: Buffer.from(random(12)).toString('hex') })
  const entry = await store.get(KEY)
  return String((entry?.value as { id?: unknown } | undefined)?.id)
}

/** Marks a store as one that the demo's people may enter; nothing takes the mark away. */
export async function markDemoStore(store: Store): Promise<void> {
  await store.create(DEMO, true)
}

/** Whether a store was ever used by the demo: `edge run` must refuse it. */
export async function isDemoStore(store: Store): Promise<boolean> {
  return (await store.get(DEMO)) !== undefined
}
