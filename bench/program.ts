import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs a program to its end and gives what it wrote to stdout. */
export async function output(
  program: string,
  args: readonly string[],
  timeoutSeconds: number,
): Promise<string> {
  const options = { timeout: timeoutSeconds * 1000, maxBuffer: 2 ** 26 }
  // iperf3 reports its failures as JSON on stdout and an exit code.
  const ran = await promisify(execFile)(program, args, options).catch((error) => error)
  if (typeof ran.stdout !== 'string' || ran.stdout === '') throw ran
  return ran.stdout
}
