import path from 'node:path'

/** `sun_path` has 108 bytes with its NUL; libuv cuts a longer one without a word. */
const MAX_SOCKET_PATH_BYTES = 107

/**
 * The path by which this process can name a Unix socket: absolute, or relative to the working
 * directory where only that is short enough; `undefined` when neither is.
 */
export function shortSocketPath(
  file: string,
  workingDirectory = process.cwd(),
): string | undefined {
  const whole = path.resolve(workingDirectory, file)
  const relative = path.relative(workingDirectory, whole)
  return [whole, relative].find((text) => Buffer.byteLength(text) <= MAX_SOCKET_PATH_BYTES)
}
