import { FlagError } from '../flag-error.ts'

/** `--proxy`, of every verb that dials the edge: what commander's `option` takes. */
export const PROXY = [
  '--proxy <url>',
  'CONNECT proxy in front of the edge (BYNAME_PROXY, which may have a password)',
  withoutPassword,
] as const

/** The words of a command line are shown to every user of the machine. */
function withoutPassword(text: string): string {
  if (!URL.parse(text)?.password) return text
  const fix = 'BYNAME_PROXY=http://user:password@host:port in the environment'
  throw new FlagError('--proxy has a password', fix, 'ps shows it to every user of the machine')
}
