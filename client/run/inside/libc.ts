import { dlopen, getInt32, getRawPointer } from 'node:ffi'
import { getSystemErrorName } from 'node:util'

/** A libc call that failed, by its errno name. */
export class SystemError extends Error {
  override readonly name = 'SystemError'
  readonly code = 'ERR_SYSTEM_CALL'
  readonly call: string
  readonly errno: string
  constructor(call: string, errno: string) {
    super(`${call}: ${errno}`)
    this.call = call
    this.errno = errno
  }
}

// `arguments` and `return` are the keys that node:ffi reads: other spellings mean "no arguments".
export const libc = dlopen(null, {
  __errno_location: { arguments: [], return: 'pointer' },
  bind: { arguments: ['int32', 'buffer', 'uint32'], return: 'int32' },
  dup2: { arguments: ['int32', 'int32'], return: 'int32' },
  execvpe: { arguments: ['buffer', 'buffer', 'buffer'], return: 'int32' },
  fcntl: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  mount: { arguments: ['buffer', 'buffer', 'pointer', 'uint64', 'pointer'], return: 'int32' },
  prctl: { arguments: ['int32', 'uint64', 'uint64', 'uint64', 'uint64'], return: 'int32' },
  setrlimit: { arguments: ['int32', 'buffer'], return: 'int32' },
  getrlimit: { arguments: ['int32', 'buffer'], return: 'int32' },
  setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'], return: 'int32' },
  signal: { arguments: ['int32', 'pointer'], return: 'pointer' },
  socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  syscall: { arguments: ['int64', 'uint64', 'uint64', 'uint64'], return: 'int64' },
}).functions

/** The errno of the call before, by name. */
export function lastErrno(): string {
  return getSystemErrorName(-getInt32(libc.__errno_location(), 0))
}

/** @throws {SystemError} when `result` is negative */
export function must(call: string, result: number | bigint): number {
  if (result < 0) throw new SystemError(call, lastErrno())
  return Number(result)
}

/** A NUL-terminated string. */
export const cString = (bytes: Uint8Array | string) => Buffer.concat([Buffer.from(bytes), NUL])

/** A `char *[]` that ends in NULL. The strings must be kept for as long as it is used. */
export function pointerList(strings: readonly Buffer[]): Buffer {
  const list = Buffer.alloc(8 * (strings.length + 1))
  strings.forEach((string, at) => {
    list.writeBigUInt64LE(getRawPointer(string), at * 8)
  })
  return list
}

const NUL = Buffer.from([0])
