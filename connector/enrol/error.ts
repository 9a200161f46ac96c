export type EnrolProblem =
  | 'ERR_NOT_ENROLLED'
  | 'ERR_TOKEN_FILE'
  | 'ERR_ENROLMENT_FORMAT'
  | 'ERR_ENROL_REFUSED'
  | 'ERR_EDGE_UNREACHABLE'

/** Why this connector has no place at an edge. `edgeCode` is the edge's own code for a refusal. */
export class EnrolError extends Error {
  override readonly name = 'EnrolError'
  readonly code: EnrolProblem
  readonly why: string
  readonly fix: string
  readonly edgeCode: string | undefined
  readonly exitCode: number
  constructor(
    code: EnrolProblem,
    what: string,
    facts: { readonly why: string; readonly fix?: string; readonly edgeCode?: string },
  ) {
    super(what)
    this.code = code
    this.why = facts.why
    this.fix = facts.fix ?? NEW_TOKEN
    this.edgeCode = facts.edgeCode
    this.exitCode = code === 'ERR_EDGE_UNREACHABLE' ? 3 : 2
  }
}

const NEW_TOKEN =
  'on the edge: byname connector token NAME --may-publish HOST; then here: --token-file FILE'
