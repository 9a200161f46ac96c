/**
 * A control call that failed: by this end's own code (`ERR_CONTROL_UNREACHABLE`, `_TIMEOUT`,
 * `_IN_USE`, `_PATH`, `_PROTOCOL`, `_LINE_TOO_LONG`) or with the code, sentence and facts that the
 * daemon answered. `why`, `fix` and `exitCode` are what the command line shows and ends with.
 */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly code: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly why: string | undefined
  readonly fix: string | undefined
  readonly exitCode: number | undefined
  constructor(code: string, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.facts = facts
    this.why = typeof facts.why === 'string' ? facts.why : undefined
    this.fix = typeof facts.fix === 'string' ? facts.fix : undefined
    this.exitCode = typeof facts.exitCode === 'number' ? facts.exitCode : undefined
  }
}
