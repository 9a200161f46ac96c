import net from 'node:net'
import type { Log } from '../../process/log.ts'
import { type Certificates, loadCertificates } from '../ca.ts'
import type { EdgeSettings } from '../settings.ts'

/** Names under which peers reach an edge: of its url and, where it is one, of what it listens on. */
function reachedAs({ url, listen }: Pick<EdgeSettings, 'url' | 'listen'>): string[] {
  const names = url === undefined ? [] : [bare(new URL(url).hostname)]
  if (listen.host !== '0.0.0.0' && listen.host !== '::') names.push(listen.host)
  return [...new Set(names)]
}

/** What a request's Host may say, IPv6 in brackets as it is written there. */
export const hostsOf = (settings: Pick<EdgeSettings, 'url' | 'listen'>): ReadonlySet<string> =>
  new Set(reachedAs(settings).map((name) => (net.isIPv6(name) ? `[${name}]` : name)))

export interface CertificateOptions {
  readonly settings: EdgeSettings
  readonly now: () => number
  readonly log: Log
}

/** The edge's certificate, renewed while it runs. */
export class Certificate {
  readonly #options: CertificateOptions
  #loaded: Certificates

  private constructor(options: CertificateOptions, loaded: Certificates) {
    this.#options = options
    this.#loaded = loaded
  }

  static async open(options: CertificateOptions): Promise<Certificate> {
    return new Certificate(options, await load(options))
  }

  get caPem(): string {
    return this.#loaded.caPem
  }

  get caPin(): string {
    return this.#loaded.caPin
  }

  get tls(): Certificates['tls'] {
    return this.#loaded.tls
  }

  /** Call it now and then: makes a new leaf when it is time, and hands it to `use`. */
  async renew(use: (tls: Certificates['tls']) => void): Promise<void> {
    const { now, log } = this.#options
    if (now() < this.#loaded.renewAt) return
    try {
      this.#loaded = await load(this.#options)
      use(this.#loaded.tls)
      log.info({ event: 'certificate-renewed' }, 'the edge has a new certificate')
    } catch (error) {
      log.error({ event: 'certificate-not-renewed', err: error }, 'no new certificate was made')
    }
  }
}

function load({ settings, now }: CertificateOptions): Promise<Certificates> {
  const { stateDirectory: directory, name: edgeName } = settings
  return loadCertificates({ directory, edgeName, names: reachedAs(settings), now: now() })
}

const bare = (host: string) => host.replace(/^\[(.*)\]$/, '$1')
