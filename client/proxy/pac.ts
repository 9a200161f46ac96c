import { type NamePattern, readPattern } from '../../names/pattern.ts'

/** The part of a CATALOG that a PAC file is made of. */
export interface PacCatalog {
  readonly zones: readonly string[]
  readonly entries: readonly { readonly pattern: string; readonly owned: boolean }[]
}

/**
 * A proxy auto-configuration file: byname's names go to `proxy` (`127.0.0.1:1080`), all others as
 * before. There is no `; DIRECT` behind the proxy: with byname down, a private name must not be
 * asked of a public resolver. ES5, for the oldest PAC engines; names are data, never code.
 */
export function pacFile(catalog: PacCatalog, proxy: string): string {
  const tables = { exact: {}, wildcard: {}, domain: {}, zone: {} } as PacTables
  for (const { pattern, owned } of catalog.entries) {
    const read = readPattern(pattern)
    if (read.kind === 'pattern') tables[TABLE[read.pattern.kind]][keyOf(read.pattern.base)] = owned
  }
  for (const zone of catalog.zones) {
    const read = readPattern(`domain:${zone}`)
    if (read.kind === 'pattern') tables.zone[keyOf(read.pattern.base)] = true
  }
  return `var byname = ${JSON.stringify(tables)};\nvar proxy = ${JSON.stringify(`PROXY ${proxy}`)};\n${FIND}`
}

type PacTables = Record<'exact' | 'wildcard' | 'domain' | 'zone', Record<string, boolean>>
const TABLE = { host: 'exact', wildcard: 'wildcard', domain: 'domain' } as const satisfies Record<
  NamePattern['kind'],
  keyof PacTables
>

/** No key of ours is a member that every object has: `__proto__` is a hostname. */
const keyOf = (base: string) => `=${base}`

/** As LabelTrie.find and Ownership: the most specific entry wins, then the zones. */
const FIND = `
function entry(host) {
  if ('=' + host in byname.exact) return byname.exact['=' + host];
  if ('=' + host in byname.domain) return byname.domain['=' + host];
  var base = host.slice(host.indexOf('.') + 1);
  if (base !== host && '=' + base in byname.wildcard) return byname.wildcard['=' + base];
  while (base !== host) {
    if ('=' + base in byname.domain) return byname.domain['=' + base];
    host = base;
    base = host.slice(host.indexOf('.') + 1);
  }
  return false;
}

function inZone(host) {
  for (;;) {
    if ('=' + host in byname.zone) return true;
    var dot = host.indexOf('.');
    if (dot < 0) return false;
    host = host.slice(dot + 1);
  }
}

function FindProxyForURL(url, host) {
  host = host.toLowerCase().replace(/\\.$/, '');
  return entry(host) || inZone(host) ? proxy : 'DIRECT';
}
`
