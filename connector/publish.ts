import { formatPattern, readPattern } from '../names/pattern.ts'
import { onePort } from './settings/ports.ts'
import { readTarget } from './settings/target.ts'
import type { ConnectorSettings } from './settings.ts'

export interface PublishRequest {
  readonly host: string
  readonly to: string
  /** Overrule those that `to` stands for. */
  readonly ports?: readonly number[] | undefined
  readonly tokenFile?: string | undefined
  readonly state?: string | undefined
  readonly proxy?: string | undefined
}

/** Why a `publish` cannot be. */
export class PublishError extends Error {
  override readonly name = 'PublishError'
  readonly code: 'ERR_PUBLISH_HOST' | 'ERR_PUBLISH_TO' | 'ERR_PUBLISH_PORTS'
  readonly fix: string
  readonly exitCode = 2
  constructor(code: PublishError['code'], what: string, fix: string) {
    super(what)
    this.code = code
    this.fix = fix
  }
}

/**
 * The settings of `byname publish HOST TO`: a connector of one app. Relative socket paths start from
 * `directory`.
 * @throws {PublishError}
 */
export function publishSettings(request: PublishRequest, directory: string): ConnectorSettings {
  const { tokenFile, state, proxy } = request
  const pattern = patternOf(request.host)
  const read = readTarget(request.to, directory)
  if (read.kind === 'wrong')
    throw new PublishError('ERR_PUBLISH_TO', `${request.to}: ${read.why}`, read.fix)
  const ports = (request.ports ?? read.ports).map(onePort)
  if (ports.length === 0) {
    const what = `nothing says on which port ${formatPattern(pattern)} is reached`
    throw new PublishError(
      'ERR_PUBLISH_PORTS',
      what,
      `byname publish ${request.host} ${request.to} --port 80`,
    )
  }
  const app = { pattern, to: read.target, written: request.to, ports, health: 'tcp' } as const
  const rest = { edge: undefined, requiresPostQuantum: false, health: undefined }
  return { ...rest, tokenFile, state, proxy, apps: [app] }
}

function patternOf(host: string) {
  const read = readPattern(host)
  if (read.kind === 'pattern' && read.pattern.kind !== 'domain') return read.pattern
  const what = `${JSON.stringify(host.slice(0, 100))} is not a host that can be published`
  throw new PublishError(
    'ERR_PUBLISH_HOST',
    what,
    'byname publish wiki.corp.internal http://localhost:8080',
  )
}
