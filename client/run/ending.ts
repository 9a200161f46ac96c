import { dlopen } from 'node:ffi'
import { flushCompileCache } from 'node:module'
import { constants } from 'node:os'
import type { Ending } from './enclosure.ts'

/**
 * Ends this process as the program ended: with its code, or by its signal, so that whoever waits for
 * us sees the same. Node's own way out is left out, because it would put the terminal back to how it
 * was before the program changed it.
 */
export function endLike(ending: Ending): never {
  flushCompileCache()
  const { functions: libc } = dlopen(null, {
    _exit: { arguments: ['int32'], return: 'void' },
    prctl: { arguments: ['int32', 'uint64', 'uint64', 'uint64', 'uint64'], return: 'int32' },
    signal: { arguments: ['int32', 'pointer'], return: 'pointer' },
  })
  if (ending.kind === 'signal') {
    const number = constants.signals[ending.signal]
    // The program has left a core; ours would hide it.
    libc.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n)
    libc.signal(number, SIG_DFL)
    process.kill(process.pid, ending.signal)
    libc._exit(128 + number)
  }
  libc._exit(ending.kind === 'exit' ? ending.code : 1)
  throw new Error('_exit came back')
}

const PR_SET_DUMPABLE = 4
const SIG_DFL = 0n
