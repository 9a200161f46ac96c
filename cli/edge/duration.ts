import { FlagError } from '../flag-error.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `10s`, `15m`, `1h`, `7d`, in milliseconds. @throws {FlagError} */
export function parseDuration(text: string, flag: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? []
  const unitMs = UNITS[unit]
  if (unitMs !== undefined) return Number(count) * unitMs
  throw new FlagError(`${flag} ${text} is no time`, `${flag} 1h (10s, 15m, 1h, 7d)`)
}

/** How long ago, or how long still: `40 s`, `12 min`, `5 h`, `3 d`. */
export function roughly(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
