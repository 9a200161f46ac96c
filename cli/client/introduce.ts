import type { ClientStatus } from '../../client/client.ts'

/** What a person reads when the client is up: who they are, and the lines to type. */
export function introduce(status: ClientStatus): string[] {
  const { person, way, proxy } = status
  return [
    `${person.email ?? person.subject} at ${way.edgeUrl}, ${way.names} names`,
    '',
    '  programs that know proxies (SOCKS5, SOCKS4a and HTTP on one port):',
    `    export ALL_PROXY=socks5h://${proxy.at}`,
    `    curl -x http://${proxy.at} http://NAME/`,
    '  browsers (proxy settings, automatic configuration):',
    `    ${proxy.pac}`,
    ...introduceLoopback(status),
    '',
    'Ctrl-C stops it.',
  ]
}

function introduceLoopback({ loopback }: ClientStatus): string[] {
  if (!loopback) return []
  const [address, port] = splitPort(loopback.dns)
  const lines = [
    '  programs that know nothing, by addresses in 127.80.0.0/16:',
    `    dig @${address} -p ${port} NAME`,
  ]
  for (const { port: withheld, apps, fix } of loopback.withheld) {
    const what = withheld === undefined ? 'many ports' : `port ${withheld}`
    lines.push(`    not on ${what} (${apps.join(', ')}): ${fix}`)
  }
  return lines
}

function splitPort(at: string): [string, string] {
  const colon = at.lastIndexOf(':')
  return [at.slice(0, colon), at.slice(colon + 1)]
}
