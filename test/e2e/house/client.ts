import type { ChildProcess } from 'node:child_process'
import path from 'node:path'
import type { Plug } from './network.ts'
import type { Ran, Room, RunOptions } from './room.ts'

/** The ordinary user that runs the on-ramps: nobody, without any capability. */
export const USER = 65_534
const root = path.resolve(import.meta.dirname, '../../..')

/** A path of the clone as {@link Client}'s user sees it: the clone may lie where nobody can look. */
export const seen = (file: string): string => file.replace(root, '/mnt')

/** The words that run a program of house/ in node, as the user. */
export const program = (name: string, ...words: (string | number)[]): string[] => [
  ...[seen(process.execPath), seen(path.join(import.meta.dirname, name))],
  ...words.map(String),
]

export interface Readers {
  readonly open: number
  readonly failed: readonly string[]
}

/** The words that run slow-readers.py, which reports as {@link Readers}. */
export const slowReaders = (host: string, port: number, count: number, bytes: number) => [
  ...['/usr/bin/python3', seen(path.join(import.meta.dirname, 'slow-readers.py'))],
  ...[host, ...[port, count, bytes].map(String)],
]

/** A person's machine on a stage. */
export class Client {
  readonly room: Room
  readonly plug: Plug
  readonly #directory: string
  readonly #started = new Set<ChildProcess>()

  constructor(room: Room, plug: Plug, directory: string) {
    this.room = room
    this.plug = plug
    this.#directory = directory
  }

  /** `byname run --profile WHO -- COMMAND`, to its end. */
  run(who: string, command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.room.run(this.#words(who, command), options)
  }

  /** The same, left running: {@link stop} ends it. */
  start(who: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const all = { ...process.env, ...env }
    const options = { stdio: 'pipe', detached: true, env: all } as const
    const child = this.room.start(this.#words(who, command), options)
    this.#started.add(child)
    child.on('close', () => this.#started.delete(child))
    return child
  }

  /** Kills a program that was started, and its byname: without one it would live on. */
  stop({ pid }: ChildProcess): void {
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }

  close(): void {
    for (const child of this.#started) this.stop(child)
  }

  #words(who: string, command: readonly string[]): string[] {
    const { USER_HOME, STATE } = this.#places
    const as = `exec setpriv --reuid=${USER} --regid=${USER} --clear-groups --inh-caps=-all`
    const env = `env HOME=${USER_HOME} BYNAME_STATE_DIR=${STATE}`
    const script = `mount --bind ${root} /mnt && cd ${USER_HOME} && ${as} ${env} /mnt/cli/byname "$@"`
    return ['sh', '-c', script, 'byname', 'run', '--profile', who, '--', ...command]
  }

  get #places() {
    const [USER_HOME, STATE] = ['home', 'user-state'].map((one) => path.join(this.#directory, one))
    return { USER_HOME, STATE }
  }
}
