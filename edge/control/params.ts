/** A call's parameter that is missing or wrong; `why` is shown to whoever called. */
export class ParamError extends Error {
  override readonly name = 'ParamError'
  readonly code = 'ERR_CONTROL_PARAMS'
  readonly exitCode = 2
  readonly param: string
  constructor(param: string, why: string) {
    super(`${param} ${why}`)
    this.param = param
  }
}

/** What an admin named is not there: a clean no, exit code 1. */
export class UnknownError extends Error {
  override readonly name = 'UnknownError'
  readonly code: 'ERR_CONNECTOR_UNKNOWN' | 'ERR_SESSION_UNKNOWN'
  readonly exitCode = 1
  readonly fix: string
  constructor(code: UnknownError['code'], what: string, fix: string) {
    super(what)
    this.code = code
    this.fix = fix
  }
}

/** The parameters of one call, read by name. Whoever may call is an admin, yet bounds keep slips small. */
export class Params {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(params: unknown) {
    const isMap = typeof params === 'object' && params !== null && !Array.isArray(params)
    this.#values = isMap ? (params as Record<string, unknown>) : {}
  }

  text(name: string): string {
    return this.optionalText(name) ?? this.#refuse(name, 'is needed')
  }

  optionalText(name: string): string | undefined {
    const value = this.#values[name]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string' && value !== '' && value.length <= 300) return value
    return this.#refuse(name, 'must be a text of 1 to 300 characters')
  }

  texts(name: string): string[] {
    const value = this.#values[name]
    const isList = Array.isArray(value) && value.length > 0 && value.length <= 500
    if (isList && value.every((item) => typeof item === 'string')) return value
    return this.#refuse(name, 'must be a list of 1 to 500 texts')
  }

  flag(name: string): boolean {
    const value = this.#values[name] ?? false
    return typeof value === 'boolean' ? value : this.#refuse(name, 'must be true or false')
  }

  integer(name: string, range: { min: number; max: number; otherwise: number }): number {
    const value = this.#values[name] ?? range.otherwise
    const isWhole = typeof value === 'number' && Number.isSafeInteger(value)
    if (isWhole && value >= range.min && value <= range.max) return value
    return this.#refuse(name, `must be a whole number from ${range.min} to ${range.max}`)
  }

  #refuse(name: string, why: string): never {
    throw new ParamError(name, why)
  }
}
