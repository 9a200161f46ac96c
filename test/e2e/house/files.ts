import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import type { Room } from './room.ts'

/** A file of bytes that no one could guess the rest of, quickly made. */
export function makeFile(room: Room, file: string, bytes: number): void {
  const random = 'openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null'
  room.runSync(['sh', '-c', `${random} | head -c ${bytes} > ${file}`])
}

export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk)
  return hash.digest('hex')
}

/** 0 while there is no such file. */
export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
