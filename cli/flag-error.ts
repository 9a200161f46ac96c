/** A flag that is wrong: what to write instead. Exit code 2. */
export class FlagError extends Error {
  override readonly name = 'FlagError'
  readonly code = 'ERR_FLAG'
  readonly exitCode = 2
  readonly why: string | undefined
  readonly fix: string
  constructor(what: string, fix: string, why?: string) {
    super(what)
    this.fix = fix
    this.why = why
  }
}
