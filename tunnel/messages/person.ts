import { isResetCode } from '../codes.ts'
import type { Cut, FactsReport, Notice, Probe, Renew, Renewed, SignIn } from '../control.ts'
import { hostname } from './names.ts'
import { type Fields, facts, oneOf, optionalText, text, whole, wrong } from './shape.ts'

const MAX_TOKEN = 8192

export function readRenew(body: Fields): Renew {
  return { kind: 'renew', proof: text(body, 'proof', MAX_TOKEN) }
}

export function readRenewed(body: Fields): Renewed {
  const expiresAt = whole(body, 'expiresAt', 0, Number.MAX_SAFE_INTEGER)
  return { kind: 'renewed', token: text(body, 'token', MAX_TOKEN), expiresAt }
}

export function readSignIn(body: Fields): SignIn {
  const url = text(body, 'url', 2048)
  if (!url.startsWith('https://')) throw wrong('url', 'an https address')
  return { kind: 'signin', url, reason: text(body, 'reason', 256) }
}

export function readFacts(body: Fields): FactsReport {
  return { kind: 'facts', facts: facts(body, 'facts') }
}

export function readCut(body: Fields): Cut {
  const flowId = text(body, 'flowId', 32)
  if (!/^[0-9a-f]{32}$/.test(flowId)) throw wrong('flowId', '32 hex digits')
  const code = text(body, 'code', 64)
  const rule = optionalText(body, 'rule', 256)
  return {
    kind: 'cut',
    flowId,
    code: isResetCode(code) ? code : 'internal',
    reason: text(body, 'reason', 256),
    ...(rule === undefined ? {} : { rule }),
  }
}

export function readProbe(body: Fields): Probe {
  return {
    kind: 'probe',
    id: whole(body, 'id', 0, 0xffffffff),
    name: hostname(body, 'name'),
    port: whole(body, 'port', 1, 65535),
  }
}

export function readNotice(body: Fields): Notice {
  return {
    kind: 'notice',
    level: oneOf(body, 'level', ['info', 'warning', 'error']),
    code: text(body, 'code', 64),
    text: text(body, 'text', 1024),
    facts: facts(body, 'facts'),
  }
}
