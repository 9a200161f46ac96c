/** Record types by mnemonic (IANA "Resource Record (RR) TYPEs"): those that we or people name. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  RT: 21,
  SIG: 24,
  KEY: 25,
  PX: 26,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  ANY: 255,
  URI: 256,
  CAA: 257,
  DLV: 32769,
} as const

export const CLASS_IN = 1

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** RFC 6891 §9; its high bits travel in OPT. */
  BADVERS: 16,
} as const

/** Extended DNS errors (RFC 8914 §4), the few that we send. */
export const EDE = {
  OTHER: 0,
  NOT_READY: 14,
  BLOCKED: 15,
  FILTERED: 17,
  PROHIBITED: 18,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
} as const

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, type]) => [type, name]))
const NUMBERS = new Map<string, number>(Object.entries(TYPE))

/** `SRV`, or `TYPE65280` for a type without a mnemonic here (RFC 3597 §5). */
export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`
}

/** The number of a mnemonic in any case, or `undefined`. */
export function typeNumber(name: string): number | undefined {
  const upper = name.toUpperCase()
  const known = NUMBERS.get(upper)
  if (known !== undefined) return known
  const generic = /^TYPE(\d{1,5})$/.exec(upper)
  const number = generic ? Number(generic[1]) : 65536
  return number < 65536 ? number : undefined
}

/** Types that only DNSSEC uses: nothing of ours is signed, so they never exist (NODATA). */
export function isDnssecType(type: number): boolean {
  return DNSSEC.has(type)
}

/**
 * Types that are no data: zone transfers, transaction keys, the reserved range 128 to 255 but ANY
 * (RFC 6895 §3.1), and OPT. No stub asks for them.
 */
export function isMetaType(type: number): boolean {
  if (type === TYPE.OPT || type === 0) return true
  return type >= 128 && type <= 254
}

const DNSSEC = new Set<number>([
  TYPE.SIG,
  TYPE.KEY,
  TYPE.NXT,
  TYPE.DS,
  TYPE.RRSIG,
  TYPE.NSEC,
  TYPE.DNSKEY,
  TYPE.NSEC3,
  TYPE.NSEC3PARAM,
  TYPE.CDS,
  TYPE.CDNSKEY,
  TYPE.CSYNC,
  TYPE.ZONEMD,
  TYPE.DLV,
])
