export type StopSignal = 'SIGTERM' | 'SIGINT'

/** The part of `process` that signals need; a test gives a double. */
export interface SignalSource {
  on(signal: string, listener: () => void): unknown
  off(signal: string, listener: () => void): unknown
  exit(code: number): void
}

/** What a second signal, and a shell, expect of a process that a signal ended: 128 + its number. */
const SIGNALLED = { SIGTERM: 143, SIGINT: 130 } as const

/**
 * The first SIGTERM or SIGINT runs `handler` and then ends the process with the number it
 * returns, or resolves to (0 when none); a second one, or a handler that throws, ends it at once.
 * @returns a function that takes the listeners off again
 */
export function onShutdown(
  handler: (signal: StopSignal) => unknown,
  source: SignalSource = process as SignalSource,
): () => void {
  let isStopping = false
  const stop = async (signal: StopSignal): Promise<void> => {
    if (isStopping) return source.exit(SIGNALLED[signal])
    isStopping = true
    try {
      const code = await handler(signal)
      source.exit(typeof code === 'number' ? code : 0)
    } catch {
      source.exit(SIGNALLED[signal])
    }
  }
  const offs = (['SIGTERM', 'SIGINT'] as const).map((signal) =>
    listen(source, signal, () => void stop(signal)),
  )
  return () => {
    for (const off of offs) off()
  }
}

/** The first SIGTERM or SIGINT runs `handler`, and later ones are somebody else's. */
export function onStopAsked(
  handler: () => void,
  source: SignalSource = process as SignalSource,
): () => void {
  const offs = (['SIGTERM', 'SIGINT'] as const).map((signal) =>
    listen(source, signal, () => {
      off()
      handler()
    }),
  )
  const off = () => {
    for (const each of offs) each()
  }
  return off
}

/** Runs `handler` at each SIGHUP: read the files again. */
export function onReload(
  handler: () => void,
  source: SignalSource = process as SignalSource,
): () => void {
  return listen(source, 'SIGHUP', handler)
}

function listen(source: SignalSource, signal: string, listener: () => void): () => void {
  source.on(signal, listener)
  return () => void source.off(signal, listener)
}
