import { getRawPointer } from 'node:ffi'
import { readdirSync, writeSync } from 'node:fs'
import type { Go } from '../messages.ts'
import { cString, lastErrno, libc, must, pointerList } from './libc.ts'
import { mayOutliveParent } from './orphan.ts'

/** What a shell answers when it finds no such program, or cannot run it. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/**
 * Turns this process into the program: no capability, no descriptor above 2, everything that Node
 * changed at its start as it was. Returns only an exit code, when there is no such program.
 */
export function become(go: Go, options: { keepsPower: boolean; stderrFd: number }): number {
  mayOutliveParent()
  must('dup2', libc.dup2(options.stderrFd, 2))
  closeOnExec()
  if (!options.keepsPower) dropCapabilities()
  if (go.inherited.openFiles !== undefined) limitOpenFiles(go.inherited.openFiles)
  restoreSignals(go.inherited.ignoredSignals)
  const [words, environment] = [go.words.map(fromBase64), go.environment.map(fromBase64)]
  // Searches the PATH and runs scripts without `#!` as a shell does.
  libc.execvpe(words[0] ?? cString(''), pointerList(words), pointerList(environment))
  return sayWhyNot(go.words[0] ?? '', lastErrno())
}

const fromBase64 = (text: string) => cString(Buffer.from(text, 'base64'))

const F_SETFD = 2
const F_GETFL = 3
const F_SETFL = 4
const FD_CLOEXEC = 1
const O_NONBLOCK = 0o4000

/** The IPC channel and whatever Node opened end with the exec; the standard streams stay. */
function closeOnExec(): void {
  for (const entry of readdirSync('/proc/self/fd')) {
    const fd = Number(entry)
    libc.fcntl(fd, F_SETFD, fd > 2 ? FD_CLOEXEC : 0)
  }
  // Node makes a pipe non-blocking as soon as anybody looks at its stream.
  for (const fd of [0, 1, 2]) {
    const flags = libc.fcntl(fd, F_GETFL, 0)
    if (flags >= 0) libc.fcntl(fd, F_SETFL, flags & ~O_NONBLOCK)
  }
}

const SYS_CAPSET = process.arch === 'arm64' ? 91n : 126n
const CAPABILITY_VERSION_3 = 0x20080522

/** Every set of this thread, and with the inheritable one the ambient one. */
function dropCapabilities(): void {
  const header = Buffer.from(Uint32Array.of(CAPABILITY_VERSION_3, 0).buffer)
  const none = Buffer.alloc(24)
  must('capset', libc.syscall(SYS_CAPSET, getRawPointer(header), getRawPointer(none), 0n))
}

const RLIMIT_NOFILE = 7

/** Node raises the soft limit to the hard one; select(2) and daemons suffer from that. */
function limitOpenFiles(soft: number): void {
  const limits = Buffer.alloc(16)
  if (libc.getrlimit(RLIMIT_NOFILE, limits) < 0) return
  limits.writeBigUInt64LE(BigInt(soft), 0)
  libc.setrlimit(RLIMIT_NOFILE, limits)
}

const SIG_DFL = 0n
const SIG_IGN = 1n

/** Node ignores SIGPIPE and SIGXFSZ and takes up every other signal; an ignored one outlives an exec. */
function restoreSignals(ignored: number): void {
  for (let signal = 1; signal <= 31; signal++) {
    const wasIgnored = ((ignored >>> (signal - 1)) & 1) === 1
    libc.signal(signal, wasIgnored ? SIG_IGN : SIG_DFL)
  }
}

function sayWhyNot(word: string, errno: string): number {
  const name = Buffer.from(word, 'base64').toString()
  const isMissing = errno === 'ENOENT'
  writeSync(2, `byname: ${name}: ${isMissing ? 'command not found' : `cannot execute: ${errno}`}\n`)
  return isMissing ? NOT_FOUND : NOT_EXECUTABLE
}
