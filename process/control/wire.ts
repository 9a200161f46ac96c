/** A request line, read: everything about it is untrusted but its length. */
export type ControlRequest =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly method: string
      readonly params: unknown
    }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'malformed'; readonly id: number | null; readonly why: string }

export function readRequest(line: string): ControlRequest {
  const value = parse(line)
  if (!isRecord(value)) return { kind: 'malformed', id: null, why: 'a request is a JSON object' }
  const { id, method, params, cancel } = value
  if (!isId(id)) return { kind: 'malformed', id: null, why: 'id is a whole number from 0 up' }
  if (cancel === true) return { kind: 'cancel', id }
  if (typeof method !== 'string' || method.length > 100) {
    return { kind: 'malformed', id, why: 'method is a name' }
  }
  return { kind: 'call', id, method, params: params ?? {} }
}

/** A response line, read by the client. */
export type ControlResponse =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'item'; readonly id: number; readonly item: unknown }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'error'; readonly id: number | null; readonly error: WireError }
  | { readonly kind: 'malformed' }

export function readResponse(line: string): ControlResponse {
  const value = parse(line)
  if (!isRecord(value)) return { kind: 'malformed' }
  const id = isId(value.id) ? value.id : null
  if (isRecord(value.error)) return { kind: 'error', id, error: readError(value.error) }
  if (id === null) return { kind: 'malformed' }
  if ('result' in value) return { kind: 'result', id, result: value.result }
  if ('item' in value) return { kind: 'item', id, item: value.item }
  return value.done === true ? { kind: 'done', id } : { kind: 'malformed' }
}

/** An error on the wire: its code, its sentence, and its facts beside them. */
export type WireError = { readonly code: string; readonly message: string } & Readonly<
  Record<string, unknown>
>

/** What of an error the caller may see: code, message and its own fields, never the stack. */
export function writeError(error: unknown): WireError {
  if (!(error instanceof Error)) return { code: 'ERR_INTERNAL', message: String(error) }
  const {
    name: _name,
    stack: _stack,
    cause: _cause,
    ...facts
  } = error as Error & { code?: unknown }
  const code = typeof facts.code === 'string' ? facts.code : 'ERR_INTERNAL'
  return { ...facts, code, message: error.message }
}

function readError(error: Record<string, unknown>): WireError {
  return {
    ...error,
    code: String(error.code ?? 'ERR_INTERNAL'),
    message: String(error.message ?? ''),
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isId = (id: unknown): id is number => Number.isSafeInteger(id) && (id as number) >= 0
