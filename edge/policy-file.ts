import { createHash } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import { check } from '../policy/check.ts'
import { compile, type Policy } from '../policy/compile.ts'
import { emptyDocument } from '../policy/document.ts'
import { parsePolicy } from '../policy/parse.ts'
import type { Log } from '../process/log.ts'
import { readSecret, writeSecret } from '../process/state.ts'
import { formatProblem, type Problem } from '../process/yaml.ts'
import { watchFile } from './policy-file/watch.ts'

export interface PolicyFileOptions {
  /** Undefined: no policy, which denies everything. */
  readonly file: string | undefined
  /** Where the last accepted text is kept, so that a bad file is survived by a restart as well. */
  readonly lastGoodFile: string
  /** The edge's identity providers, where they are known: their names are checked in claims. */
  readonly providers?: readonly string[]
  readonly now: () => number
  readonly log: Log
  /** The live policy is another one now. */
  readonly changed: () => void
  /** How long a file may be gone, empty or unfinished before that counts: editors write in steps. */
  readonly patienceMs?: number
}

export interface PolicyStatus {
  readonly file: string | undefined
  /** `file`: what is there now. `last-good`: an older text, because the file is refused. */
  readonly source: 'none' | 'file' | 'last-good'
  /** Of the text that is in force. */
  readonly sha256: string | undefined
  readonly rules: number
  readonly since: number
  /** Why the file as it is now is not in force. */
  readonly problems: readonly Problem[]
}

/**
 * The policy in force: of the file, as long as the file is good; the last good one while it is not;
 * nothing, which denies everything, when there is no file.
 */
export class PolicyFile {
  readonly #options: PolicyFileOptions
  #policy: Policy
  #status: PolicyStatus
  #stopWatching: (() => void) | undefined
  #reading: Promise<void> = Promise.resolve()
  #keeping: Promise<void> = Promise.resolve()

  private constructor(options: PolicyFileOptions) {
    this.#options = options
    this.#policy = compile(emptyDocument(options.file ?? 'no policy file'))
    this.#status = this.#nothing([])
  }

  /** Resolves with the policy in force; watches the file from then on. */
  static async open(options: PolicyFileOptions): Promise<PolicyFile> {
    const policy = new PolicyFile(options)
    await policy.#recall()
    if (options.file !== undefined) {
      policy.#stopWatching = await watchFile(options.file, () => void policy.reload())
    }
    await policy.reload()
    return policy
  }

  get policy(): Policy {
    return this.#policy
  }

  get status(): PolicyStatus {
    return this.#status
  }

  /** Reads the file now. Never rejects: the status tells. */
  reload(): Promise<PolicyStatus> {
    this.#reading = this.#reading.then(() => this.#readOnce())
    return this.#reading.then(() => this.#status)
  }

  /** Stops watching; resolves when what is in force is kept. */
  close(): Promise<void> {
    this.#stopWatching?.()
    return this.#keeping
  }

  async #readOnce(): Promise<void> {
    const { file } = this.#options
    if (file === undefined) return
    try {
      const text = await this.#settledText(file)
      if (text === undefined) this.#denyAll(file)
      else this.#take(text, file)
    } catch (error) {
      this.#options.log.debug(
        { event: 'policy-unreadable', err: error },
        'the policy is unreadable',
      )
      this.#refuse([problemAt(file, `it cannot be read: ${reasonOf(error)}`)], file)
    }
  }

  /**
   * A text that is missing, empty or without a last line end only counts when it stays so for a while:
   * whoever writes it in pieces may not have come to the blocks yet.
   */
  async #settledText(file: string): Promise<string | undefined> {
    let text = await readIfThere(file)
    if (!text?.trim() && this.#status.source === 'none') return text
    for (let tries = 0; tries < MAX_PIECES && !isWhole(text); tries++) {
      await new Promise((resolve) => setTimeout(resolve, this.#options.patienceMs ?? 1000))
      const before = text
      text = await readIfThere(file)
      if (text === before) break
    }
    return text
  }

  #take(text: string, file: string): void {
    const sha256 = hashOf(text)
    if (this.#status.sha256 === sha256) {
      this.#setStatus({ ...this.#status, source: 'file', problems: [] })
      return
    }
    const { providers } = this.#options
    const checked = check(text, file, providers ? { providers } : {})
    this.#warn(checked.warnings)
    if (checked.kind === 'refused') {
      this.#refuse(checked.problems, file, text)
      return
    }
    this.#policy = checked.policy
    this.#inForce(sha256, 'file')
    const { rules } = this.#status
    this.#options.log.info({ event: 'policy-in-force', file, rules, sha256 }, 'policy in force')
    this.#options.changed()
    this.#keep(text)
  }

  #inForce(sha256: string, source: PolicyStatus['source']): void {
    const { file, now } = this.#options
    const rules = this.#policy.rules.length
    this.#setStatus({ file, source, sha256, rules, since: now(), problems: [] })
  }

  #denyAll(file: string): void {
    const problem = problemAt(file, 'there is no such file, so nobody reaches anything')
    this.#setStatus(this.#nothing([problem]))
    this.#policy = compile(emptyDocument(file))
    this.#options.log.error({ event: 'policy-missing', file }, `no policy: ${problem.message}`)
    this.#options.changed()
    // Or a restart beside a broken new file would let in whom this one took everything from.
    this.#keep(undefined)
  }

  #refuse(problems: readonly Problem[], file: string, text?: string): void {
    this.#setStatus({ ...this.#status, problems })
    const { source, sha256 } = this.#status
    const stays = source === 'none' ? 'nobody reaches anything' : 'the last good one stays'
    const shown = problems.slice(0, 10).map((problem) => formatProblem(problem, text))
    this.#options.log.error(
      { event: 'policy-refused', file, problems: shown, count: problems.length, sha256 },
      `policy refused, ${stays}: ${shown[0] ?? ''}`,
    )
  }

  #warn(warnings: readonly Problem[]): void {
    for (const warning of warnings.slice(0, 20)) {
      const { code } = warning
      this.#options.log.warn({ event: 'policy-warning', code }, formatProblem(warning))
    }
  }

  #nothing(problems: readonly Problem[]): PolicyStatus {
    const { file, now } = this.#options
    return { file, source: 'none', sha256: undefined, rules: 0, since: now(), problems }
  }

  #setStatus(status: PolicyStatus): void {
    this.#status = status
  }

  /** At a start: what was in force before, so that a file broken meanwhile does not lock out all. */
  async #recall(): Promise<void> {
    const { file, lastGoodFile, log } = this.#options
    if (file === undefined || (await isMissing(file))) return
    try {
      const text = (await readSecret(lastGoodFile))?.toString('utf8')
      if (text === undefined) return
      // Its tests passed once; a restart is no moment to run them again.
      this.#policy = compile(parsePolicy(text, file))
      this.#inForce(hashOf(text), 'last-good')
    } catch (error) {
      log.warn({ event: 'policy-not-recalled', err: error }, 'the kept policy cannot be read')
    }
  }

  /** One after the other: what came last is what stays. `undefined`: there is no policy. */
  #keep(text: string | undefined): void {
    this.#keeping = this.#keeping.then(() => this.#remember(text))
  }

  async #remember(text: string | undefined): Promise<void> {
    const { lastGoodFile, log } = this.#options
    try {
      if (text === undefined) await rm(lastGoodFile, { force: true })
      else await writeSecret(lastGoodFile, text)
    } catch (error) {
      log.warn({ event: 'policy-not-kept', err: error }, 'the policy could not be kept on disk')
    }
  }
}

/** A writer that takes longer than so many pauses is waited for no more. */
const MAX_PIECES = 10

const isWhole = (text: string | undefined) => Boolean(text?.trim()) && text?.endsWith('\n')

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

const readIfThere = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch(ifMissing)

const isMissing = async (file: string) => (await stat(file).catch(ifMissing)) === undefined

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw error
}

const reasonOf = (error: unknown) =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : 'unknown')

const problemAt = (file: string, message: string): Problem => ({
  code: 'ERR_POLICY_FILE',
  file,
  line: 1,
  column: 1,
  message,
})
