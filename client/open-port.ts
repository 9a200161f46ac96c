import { ListenError } from './listen.ts'
import type { PortSetting } from './settings.ts'

/**
 * Opens a port; one that nobody chose and that is taken gives way to any free one.
 * @throws what `open` throws
 */
export async function openOrAnyPort<Opened>(
  { address, port, isDefault }: PortSetting,
  open: (address: string, port: number) => Promise<Opened>,
): Promise<Opened> {
  try {
    return await open(address, port)
  } catch (error) {
    if (!isDefault || errnoOf(error) !== 'EADDRINUSE') throw error
    return open(address, 0)
  }
}

const errnoOf = (error: unknown) =>
  error instanceof ListenError ? error.errno : (error as NodeJS.ErrnoException).code
