import type { Entry, Json } from '../store/store.ts'

/** What an edge says of itself every second. Times in ms since the epoch. */
export interface Beat {
  readonly name: string
  readonly url: string
  /** `draining`: takes no more tunnels. `stopped`: went in order. */
  readonly state: 'running' | 'draining' | 'stopped'
  readonly startedAt: number
  /** When it said so. */
  readonly at: number
  /** Which process it is. */
  readonly run: string
}

const STATES: readonly unknown[] = ['running', 'draining', 'stopped'] satisfies Beat['state'][]

export const writeBeat = ({ name: _, ...said }: Beat): Json => said

/** What {@link writeBeat} wrote under `prefix` and the name; undefined for anything else. */
export const parseBeat =
  (prefix: string) =>
  ({ key, value }: Entry): Beat | undefined => {
    const { url, state, startedAt, at, run } = (value ?? {}) as Record<string, Json>
    if (typeof url !== 'string' || typeof run !== 'string' || !STATES.includes(state)) return
    if (typeof startedAt !== 'number' || typeof at !== 'number') return
    const name = key.slice(prefix.length)
    return { name, url, state: state as Beat['state'], startedAt, at, run }
  }
