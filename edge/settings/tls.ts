import type { YamlNode, YamlWalk } from '../../process/yaml.ts'

const KEY = 'require-post-quantum'

/** `tls: { require-post-quantum: true }`: whether other key agreements are refused. */
export function readRequirement(
  walk: YamlWalk,
  node: YamlNode | undefined,
  tlsEndsBeforeEdge: boolean,
): boolean {
  const entry = walk.map(node, { what: 'tls', keys: [KEY] }).get(KEY)
  const isRequired = entry !== undefined && walk.boolean(entry.value, KEY) === true
  if (entry && isRequired && tlsEndsBeforeEdge) {
    const message = 'what peers agree on with the load balancer is not seen here'
    walk.refuse(entry.value.at, message, { fix: 'require it there, and leave this out' })
  }
  return isRequired
}
