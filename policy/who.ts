/** One selector of `who` (policy.md, "Selectors"). Addresses and mail domains are in lower case. */
export type WhoAtom =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'mail-domain'; readonly domain: string }
  | ClaimAtom
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'service'; readonly id: string }
  | { readonly kind: 'network'; readonly id: string }
  | { readonly kind: 'anyone' }

export interface ClaimAtom {
  readonly kind: 'claim'
  /** Missing: the only provider that there is. */
  readonly provider: string | undefined
  readonly claim: string
  readonly value: string
}

/** `any`: one of; `all`: each of; `none`: not one of. */
export type Who =
  | WhoAtom
  | { readonly kind: 'any'; readonly of: readonly Who[] }
  | { readonly kind: 'all'; readonly of: readonly Who[] }
  | { readonly kind: 'none'; readonly of: readonly Who[] }

export type WhoRead =
  | { readonly kind: 'atom'; readonly atom: WhoAtom }
  | { readonly kind: 'not-a-selector'; readonly message: string; readonly fix?: string }

/** Names of rules, groups, sets, networks and providers. */
export const isWord = (text: string) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)

/** Capitals of ASCII only: `toLowerCase` would turn the Kelvin sign into a k, and so one address into another. */
export const foldCase = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Reads one selector; whether a group exists is for the caller to say. */
export function readWhoAtom(text: string): WhoRead {
  if (text === 'anyone') return atom({ kind: 'anyone' })
  const prefix = /^(group|claim|service|network):(.*)$/.exec(text)
  if (prefix) return readPrefixed(prefix[1] ?? '', prefix[2] ?? '')
  if (text.startsWith('*@')) return readMailDomain(foldCase(text.slice(2)))
  if (text.includes('@')) return readAddress(foldCase(text))
  return no(`${JSON.stringify(text.slice(0, 80))} names nobody`, KINDS)
}

export function formatWho(who: Who): string {
  switch (who.kind) {
    case 'any':
    case 'all':
    case 'none':
      return `${who.kind} of ${who.of.map(formatNested).join(', ')}`
    default:
      return formatAtom(who)
  }
}

export function formatAtom(who: WhoAtom): string {
  switch (who.kind) {
    case 'address':
      return who.address
    case 'mail-domain':
      return `*@${who.domain}`
    case 'claim':
      return `${formatClaim(who)}=${who.value}`
    case 'group':
      return `group:${who.name}`
    case 'service':
    case 'network':
      return `${who.kind}:${who.id}`
    case 'anyone':
      return 'anyone'
  }
}

/** The fact that a claim selector asks for: `claim:okta/groups`. */
export function formatClaim({ provider, claim }: Pick<ClaimAtom, 'provider' | 'claim'>): string {
  return provider === undefined ? `claim:${claim}` : `claim:${provider}/${claim}`
}

const KINDS =
  'write an address, "*@domain", group:NAME, claim:PROVIDER/NAME=VALUE, service:NAME, network:NAME or anyone'

const atom = (found: WhoAtom): WhoRead => ({ kind: 'atom', atom: found })
const no = (message: string, fix?: string): WhoRead =>
  fix === undefined ? { kind: 'not-a-selector', message } : { kind: 'not-a-selector', message, fix }

const formatNested = (who: Who) => ('of' in who ? `(${formatWho(who)})` : formatAtom(who))

function readPrefixed(prefix: string, rest: string): WhoRead {
  if (prefix === 'claim') return readClaim(rest)
  if (prefix === 'service') {
    const isId = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/.test(rest)
    return isId ? atom({ kind: 'service', id: rest }) : no('service: needs the name of a service')
  }
  if (!isWord(rest)) return no(`${prefix}: needs a name of letters, digits, dots and hyphens`)
  return atom(prefix === 'group' ? { kind: 'group', name: rest } : { kind: 'network', id: rest })
}

/** `okta/groups=engineering` or `groups=engineering`; the claim's name may be a URL. */
function readClaim(text: string): WhoRead {
  const match = /^(?:([A-Za-z0-9][A-Za-z0-9._-]{0,99})\/)?([^=\s]+)=(\S.*)$/.exec(text)
  if (!match) return no('a claim is written claim:PROVIDER/NAME=VALUE')
  const [, provider, claim = '', value = ''] = match
  if (value !== value.trim()) return no('the value of a claim ends with a space')
  return atom({ kind: 'claim', provider, claim, value })
}

function readMailDomain(domain: string): WhoRead {
  if (isMailDomain(domain)) return atom({ kind: 'mail-domain', domain })
  return no('what follows *@ must be a mail domain in ASCII', 'write "*@example.com"')
}

function readAddress(address: string): WhoRead {
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at)
  if (local.includes('*')) return no('only a whole address or "*@domain" can be named')
  if (/^[!#-?A-Z^-~]{1,64}$/.test(local) && isMailDomain(address.slice(at + 1))) {
    return atom({ kind: 'address', address })
  }
  return no(`${JSON.stringify(address.slice(0, 80))} is not a mail address in ASCII`)
}

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
const MAIL_DOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})+$`)
const isMailDomain = (text: string) => text.length <= 253 && MAIL_DOMAIN.test(text)
