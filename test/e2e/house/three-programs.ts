import type { ChildProcess } from 'node:child_process'
import { createReadStream, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './client.ts'
import { makeFile, sizeOf } from './files.ts'
import { ORIGIN, type Stage } from './stage.ts'

export interface ThreeSizes {
  readonly fileBytes: number
  readonly rows: number
}

const ROW_BYTES = 100

/**
 * What the resume tests put through: an scp, a `COPY FROM STDIN` of psql and an ssh session that
 * says a word at the beginning and another when the others have ended, all at once in one
 * `byname run`. The COPY is fed in step with what scp has brought over, so that one moment is the
 * middle of both.
 */
export class ThreePrograms {
  readonly file: string
  readonly copied: string
  readonly rows: string
  readonly #stage: Stage
  readonly #sizes: ThreeSizes
  readonly #errors: string
  #child: ChildProcess | undefined
  #ended: Promise<string> | undefined

  constructor(stage: Stage, sizes: ThreeSizes) {
    this.#stage = stage
    this.#sizes = sizes
    this.file = path.join(stage.directory, 'big')
    this.copied = path.join(stage.directory, 'copied')
    this.rows = path.join(stage.directory, 'rows')
    this.#errors = path.join(stage.directory, 'home', 'errors')
    makeFile(stage.origins, this.file, sizes.fileBytes)
    const row = 'printf "%d\\t%0*d\\n", $1, width - length($1), $1 * 7919'
    const make = `seq ${sizes.rows} | awk -v width=${ROW_BYTES - 2} '{ ${row} }' > ${this.rows}`
    stage.origins.runSync(['sh', '-c', make])
  }

  async start(client: Client): Promise<void> {
    rmSync(this.copied, { force: true })
    await this.#psql('drop table if exists rows; create table rows (n int, t text)')
    const script = path.join(this.#stage.directory, 'three.sh')
    writeFileSync(script, this.#script(), { mode: 0o755 })
    this.#child = client.start('alice', ['sh', script])
    this.#child.stdin?.on('error', () => {})
    this.#ended = endOf(this.#child)
    void this.#feed()
  }

  /** How much of the file and of the rows is there, each in [0, 1]. */
  async received(): Promise<{ readonly scp: number; readonly copy: number }> {
    const copied = await this.#psql('select bytes_processed from pg_stat_progress_copy')
    return { scp: this.#scpShare, copy: Number(copied) / (this.#sizes.rows * ROW_BYTES) }
  }

  /** What all three said and how they ended: {@link ALL_WELL} when nothing was wrong. */
  async ended(): Promise<string> {
    return (await this.#ended) ?? 'never started'
  }

  /** SHA-256 of the rows as the database has them. */
  async copiedRows(): Promise<string> {
    const copy = `psql -h ${ORIGIN} -U app -d postgres -qAtc 'copy rows to stdout' | sha256sum`
    const { stdout } = await this.#stage.origins.run(['sh', '-c', copy])
    return stdout.split(' ')[0] ?? ''
  }

  get #scpShare(): number {
    return sizeOf(this.copied) / this.#sizes.fileBytes
  }

  async #psql(question: string): Promise<string> {
    const words = ['psql', '-h', ORIGIN, '-U', 'app', '-d', 'postgres', '-qAtc', question]
    return (await this.#stage.origins.run(words)).stdout.trim()
  }

  async #feed(): Promise<void> {
    const stdin = this.#child?.stdin
    const total = this.#sizes.rows * ROW_BYTES
    let fed = 0
    for await (const chunk of createReadStream(this.rows, { highWaterMark: 2 ** 18 })) {
      while (this.#child?.exitCode === null && fed / total > this.#scpShare) await sleep(10)
      if (!stdin?.write(chunk)) await sleep(1)
      fed += chunk.length
    }
    stdin?.end()
  }

  #script(): string {
    const { sshKey, knownHosts } = this.#stage.services
    const ssh = `-o UserKnownHostsFile=${knownHosts} -o BatchMode=yes -i key -c aes128-gcm@openssh.com`
    this.#stage.origins.runSync([
      ...['install', '-o', '65534', '-m', '600', sshKey],
      path.join(this.#stage.directory, 'home', 'key'),
    ])
    return `rm -f asks errors; mkfifo asks
ssh ${ssh} root@git.corp.internal sh < asks 2>> errors & ssh=$!
exec 3> asks
echo 'echo before' >&3
scp -q ${ssh} ${this.file} root@git.corp.internal:${this.copied} 2>> errors & scp=$!
psql -h db.corp.internal -U app -d postgres -v ON_ERROR_STOP=1 -q -c 'copy rows from stdin' 2>> errors
echo copy $?
wait $scp; echo scp $?
echo 'echo after' >&3; exec 3>&-
wait $ssh; echo ssh $?
cat errors
`
  }

  get errors(): string {
    return readFileSync(this.#errors, 'utf8')
  }
}

export const ALL_WELL = 'before\ncopy 0\nscp 0\nafter\nssh 0\n'

async function endOf(child: ChildProcess): Promise<string> {
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said += chunk
    })
  await new Promise((resolve) => child.on('close', resolve))
  return said
}
