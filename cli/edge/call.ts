import { callControl, followControl } from '../../process/control.ts'
import { type EdgePlaces, edgeSocket } from './socket.ts'

/** Calls a verb of this machine's edge. @throws {ControlError} exitCode 3 when none runs here */
export async function callEdge<Answer>(
  places: EdgePlaces,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
): Promise<Answer> {
  return (await callControl(edgeSocket(places, process.env), method, params)) as Answer
}

/** Follows a verb that streams until Ctrl-C. */
export function followEdge(
  places: EdgePlaces,
  method: string,
  params: Readonly<Record<string, unknown>>,
): AsyncIterable<unknown> {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const { signal } = stop
  return followControl(edgeSocket(places, process.env), method, params, { signal })
}
