import { type Destination, readDestination } from './destination.ts'
import {
  type Asked,
  METHOD,
  type Read,
  readGreeting,
  readPassword,
  readRequest4,
  readRequest5,
  reply4,
  reply5,
} from './socks-wire.ts'

/** What the shell does next. After `wanted` and `close` the dialogue is over. */
export type SocksEvent =
  | { readonly kind: 'answer'; readonly bytes: Uint8Array }
  | { readonly kind: 'wanted'; readonly wanted: SocksWanted; readonly rest: Uint8Array }
  | { readonly kind: 'close'; readonly why: string }

export interface SocksWanted {
  readonly to: Destination
  readonly version: 4 | 5
}

/** Whether a user name and a password are the right ones; absent where the peer's uid decides. */
export type CheckCredential = (user: string, password: string) => boolean

/** RFC 1928 §6 replies that the dialogue itself gives. */
const REPLY = { notAllowed: 0x02, hostUnreachable: 0x04, unsupported: 0x07 } as const
/** The longest message is a password exchange of 513 octets: more than that unread is no SOCKS. */
const MAX_PENDING_BYTES = 1024

/** One client's way to a destination: bytes in, events out, on any split of the bytes. */
export class SocksDialogue {
  readonly #check: CheckCredential | undefined
  #state: 'version' | 'password' | 'request5' | 'over' = 'version'
  #pending: Uint8Array = new Uint8Array()

  constructor(check?: CheckCredential) {
    this.#check = check
  }

  handle(chunk: Uint8Array): SocksEvent[] {
    this.#pending = Buffer.concat([this.#pending, chunk])
    const events: SocksEvent[] = []
    for (let next = this.#next(); next !== undefined; next = this.#next()) events.push(...next)
    if (this.#state !== 'over' && this.#pending.length > MAX_PENDING_BYTES) {
      events.push(...this.#close('too many bytes before a request'))
    }
    return events
  }

  #next(): SocksEvent[] | undefined {
    if (this.#pending.length === 0) return undefined
    switch (this.#state) {
      case 'version':
        return this.#version(this.#pending[0])
      case 'password':
        return this.#take(readPassword(this.#pending), (given) => this.#password(given))
      case 'request5':
        return this.#take(readRequest5(this.#pending), (asked) => this.#request(asked, 5))
      case 'over':
        return undefined
    }
  }

  #version(version: number | undefined): SocksEvent[] | undefined {
    if (version === 5) return this.#take(readGreeting(this.#pending), (offer) => this.#greet(offer))
    if (version !== 4) return this.#close('neither SOCKS5 nor SOCKS4')
    return this.#take(readRequest4(this.#pending), (asked) => this.#request(asked, 4))
  }

  #greet(offered: readonly number[]): SocksEvent[] {
    const method = this.#check ? METHOD.password : METHOD.none
    if (!offered.includes(method)) {
      const why = this.#check ? 'no password offered' : 'method "no authentication" not offered'
      return [answer(Uint8Array.of(5, METHOD.notAcceptable)), ...this.#close(why)]
    }
    this.#state = this.#check ? 'password' : 'request5'
    return [answer(Uint8Array.of(5, method))]
  }

  #password({ user, password }: { user: string; password: string }): SocksEvent[] {
    if (this.#check?.(user, password) !== true) {
      return [answer(Uint8Array.of(1, 1)), ...this.#close('wrong credential')]
    }
    this.#state = 'request5'
    return [answer(Uint8Array.of(1, 0))]
  }

  #request(asked: Asked, version: 4 | 5): SocksEvent[] {
    if (version === 4 && this.#check) return this.#no(4, REPLY.notAllowed, 'SOCKS4 has no password')
    if (asked.command !== 'connect') {
      return this.#no(version, REPLY.unsupported, `command ${asked.command} is not supported`)
    }
    const to = readDestination(asked.host, asked.port)
    if (to.kind === 'bad') return this.#no(version, REPLY.hostUnreachable, to.reason)
    this.#state = 'over'
    return [{ kind: 'wanted', wanted: { to, version }, rest: this.#pending }]
  }

  #no(version: 4 | 5, code: number, why: string): SocksEvent[] {
    return [answer(version === 5 ? reply5(code) : reply4(false)), ...this.#close(why)]
  }

  #close(why: string): SocksEvent[] {
    this.#state = 'over'
    return [{ kind: 'close', why }]
  }

  /** `undefined` when more bytes are needed. */
  #take<Value>(read: Read<Value>, use: (value: Value) => SocksEvent[]): SocksEvent[] | undefined {
    if (read.kind === 'more') return undefined
    if (read.kind === 'malformed') return this.#close(read.why)
    this.#pending = this.#pending.subarray(read.usedBytes)
    return use(read.value)
  }
}

const answer = (bytes: Uint8Array): SocksEvent => ({ kind: 'answer', bytes })
