import { type ControlServer, serveControl } from '../process/control.ts'
import type { Log } from '../process/log.ts'
import type { Client } from './client.ts'
import { dig } from './dig.ts'

/** A call that makes no sense. */
class ParamsError extends Error {
  override readonly name = 'ParamsError'
  readonly code = 'ERR_CONTROL_PARAMS'
}

/** Answers `status` and `dig` on the client's own socket (0600). @throws {ControlError} */
export function serveClientControl(client: Client, path: string, log: Log): Promise<ControlServer> {
  return serveControl({
    path,
    log,
    verbs: {
      status: async () => client.status(),
      dig: async (params) => {
        const question = readQuestion(params)
        if (!client.loopback) throw new ParamsError('this client runs without a resolver')
        return dig(client.way, client.loopback.resolver, question)
      },
    },
  })
}

function readQuestion(params: unknown): { name: string; type: string } {
  const { name, type } = (params ?? {}) as { name?: unknown; type?: unknown }
  if (typeof name === 'string' && typeof type === 'string') return { name, type }
  throw new ParamsError('name and type are needed')
}
