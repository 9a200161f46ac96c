import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parsePolicy } from '../../policy/parse.ts'
import { ConfigError, type Problem } from '../../process/yaml.ts'
import { SAMPLE } from './sample.ts'

function problemsOf(text: string): readonly Problem[] {
  try {
    parsePolicy(text, 'policy.yaml')
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const refused = (text: string) =>
  problemsOf(text).map(({ line, column, message, fix }) =>
    fix === undefined ? `${line}:${column} ${message}` : `${line}:${column} ${message} → ${fix}`,
  )

/** A document with one allow, one group and one set, in which a part is replaced. */
function rule(parts: { who?: string; to?: string; ports?: string; more?: string }): string {
  const { who = 'a@example.com', to = 'a.corp.internal', ports = '443', more = '' } = parts
  return `version: 1
groups: { engineers: a@example.com }
names: { source: git.corp.internal }
allow:
  it:
    who: ${who}
    to: ${to}
    ports: ${ports}
    ${more}
`
}

describe('a policy file', () => {
  it('reads with every part of the language in it', () => {
    const document = parsePolicy(SAMPLE, 'policy.yaml')
    assert.deepEqual(
      [...document.groups.keys()],
      ['engineers', 'oncall', 'contractors', 'everybody', 'suspended'],
    )
    assert.deepEqual(
      document.rules.map(({ kind, name, at }) => `${kind} ${name} ${at.line}`),
      [
        'allow engineers-reach-source 17',
        'allow everyone-reads-the-wiki 21',
        'allow oncall-fixes-databases 25',
        'allow erin-sees-payroll 30',
        'allow branch-prints 34',
        'block nobody-suspended 40',
        'block no-telnet 43',
      ],
    )
    assert.equal(document.tests.length, 6)
  })

  it('means the same in any order of its keys', () => {
    const parts = SAMPLE.split(/\n(?=[a-z])/)
    const shuffled = parsePolicy(parts.toReversed().join('\n'), 'policy.yaml')
    const plain = (value: unknown) =>
      JSON.stringify(value, (key, part) => (key === 'at' ? undefined : part))
    assert.equal(plain(shuffled), plain(parsePolicy(SAMPLE, 'policy.yaml')))
  })

  it('may name a group or a set before it is there', () => {
    assert.deepEqual(
      refused(
        'allow: {r: {who: group:g, to: names:n, ports: 1}}\ngroups: {g: []}\nnames: {n: []}\nversion: 1',
      ),
      [],
    )
  })
})

const TABLE: [string, string, string[]][] = [
  [
    'another version',
    'version: 2',
    ['1:10 only version 1 of the language is known → write "version: 1"'],
  ],
  ['no version', 'allow: {}', ['1:1 a policy needs version → add "version:"']],
  [
    'a list for a document',
    '- allow',
    ['1:1 a policy must be a map of version, groups, names, apps, allow, block, tests'],
  ],
  [
    'an unknown key',
    'version: 1\nallows: {}',
    ['2:1 "allows" is not a key of a policy → write "allow"'],
  ],
  [
    'an unknown key of a rule',
    rule({ more: 'exept: b.corp.internal' }),
    ['9:5 "exept" is not a key of rule it → write "except"'],
  ],
  [
    'a rule that is no map',
    'version: 1\nallow:\n  it: yes',
    ['3:7 rule it must be a map of who, to, except, ports'],
  ],
  [
    'an empty rule',
    'version: 1\nallow:\n  it:',
    ['3:6 rule it must be a map of who, to, except, ports'],
  ],
  [
    'an allow without ports',
    'version: 1\nallow: {r: {who: anyone, to: a.b.internal}}',
    ['2:12 rule r needs ports → add "ports:"'],
  ],
  [
    'allow as a list',
    'version: 1\nallow: [a]',
    ['2:8 allow must be a map of names → write "name: …" a line'],
  ],
  [
    'a rule name with a space',
    'version: 1\nblock: {"a b": {who: anyone, to: anything}}',
    ['2:9 the name of a rule has letters, digits, dots and hyphens only, at most 100'],
  ],
  [
    'a rule with the name of the answer that no rule gives',
    'version: 1\nblock: {no-rule: {who: anyone, to: anything}}',
    ['2:9 a rule cannot be called no-rule: it is what answers say without one'],
  ],
  [
    'a name that is shared by two rules',
    'version: 1\nallow: {r: {who: anyone, to: a.b.internal, ports: 1}}\nblock: {r: {who: anyone, to: anything}}',
    ['3:9 there is another rule r, in line 2 → rename one of them'],
  ],

  [
    'a person without a domain',
    rule({ who: 'alice' }),
    [
      '6:10 "alice" names nobody → write an address, "*@domain", group:NAME, claim:PROVIDER/NAME=VALUE, service:NAME, network:NAME or anyone',
    ],
  ],
  [
    'a group without its prefix',
    rule({ who: 'engineer' }),
    ['6:10 "engineer" names nobody → write "group:engineers"'],
  ],
  [
    'a group that is not there',
    rule({ who: 'group:engineer' }),
    ['6:10 there is no group "engineer" in this file → write "group:engineers"'],
  ],
  [
    'a group that is nowhere near',
    rule({ who: 'group:ops' }),
    ['6:10 there is no group "ops" in this file → add "ops:" under groups'],
  ],
  [
    'a claim without a value',
    rule({ who: 'claim:okta/groups' }),
    ['6:10 a claim is written claim:PROVIDER/NAME=VALUE'],
  ],
  [
    'an address in Unicode',
    rule({ who: 'аlice@example.com' }),
    ['6:10 "аlice@example.com" is not a mail address in ASCII'],
  ],
  [
    'a part of an address',
    rule({ who: '"a*@example.com"' }),
    ['6:10 only a whole address or "*@domain" can be named'],
  ],
  [
    'a mail domain below a wildcard',
    rule({ who: '"*@*.example.com"' }),
    ['6:10 what follows *@ must be a mail domain in ASCII → write "*@example.com"'],
  ],
  [
    'a number for a person',
    rule({ who: '42' }),
    ['6:10 a selector of who must be a text of one line → put it in quotes: "42"'],
  ],
  ['nobody in a list', rule({ who: '[]' }), ['6:10 the list is empty: it names nobody']],
  [
    'who with none alone',
    rule({ who: '{ none: b@example.com }' }),
    [
      '6:10 who needs any or all: it must say who is meant before who is not → add "any: anyone" if that is what you mean',
    ],
  ],
  [
    'who with an unknown key',
    rule({ who: '{ any: anyone, not: b@example.com }' }),
    ['6:25 "not" is not a key of who → the keys are: any, all, none'],
  ],
  [
    'an unquoted star',
    rule({ who: '*@example.com' }),
    [
      '6:10 a value that begins with * must be in quotes (YAML takes it for an alias) → write "*@example.com"',
    ],
  ],

  [
    'a single label',
    rule({ to: 'wiki' }),
    ['7:9 wiki is a single label, not a name of at least two → write the whole name'],
  ],
  [
    'a set without its prefix',
    rule({ to: 'sources' }),
    ['7:9 sources is a single label, not a name of at least two → write "names:source"'],
  ],
  [
    'a set that is not there',
    rule({ to: 'names:banks' }),
    ['7:9 there is no set "banks" in this file → add it under "names:"'],
  ],
  [
    'a set with a slip',
    rule({ to: 'names:sourec' }),
    ['7:9 there is no set "sourec" in this file → write "names:source"'],
  ],
  [
    'an address for a name',
    rule({ to: '10.0.0.1' }),
    ['7:9 "10.0.0.1" is an address: rules are about names'],
  ],
  [
    'a URL for a name',
    rule({ to: 'https://a.corp.internal' }),
    ['7:9 "https://a.corp.internal" is a URL: write the hostname alone'],
  ],
  [
    'a port in a name',
    rule({ to: 'a.corp.internal:443' }),
    ['7:9 "a.corp.internal:443" has a port: ports have a key of their own'],
  ],
  [
    'a star inside a name',
    rule({ to: '"a.*.corp.internal"' }),
    ['7:9 "a.*.corp.internal" is not a hostname, "*.base", domain:BASE or names:SET'],
  ],
  [
    'anything in an allow',
    rule({ to: 'anything' }),
    [
      '7:9 "anything" may stand in a block only → name what may be reached: a host, "*.base", domain:BASE or names:SET',
    ],
  ],
  [
    'anything excepted',
    rule({ more: 'except: anything' }),
    [
      '9:13 "anything" may stand in a block only → name what may be reached: a host, "*.base", domain:BASE or names:SET',
    ],
  ],
  [
    'public',
    rule({ to: 'public' }),
    ['7:9 "public" is not yet supported: egress comes with a later version'],
  ],
  [
    'a public suffix',
    rule({ to: '"*.com"' }),
    ["7:9 *.com covers a public suffix: everybody's names, not yours"],
  ],
  [
    'a public suffix of two labels',
    rule({ to: 'domain:co.uk' }),
    ["7:9 domain:co.uk covers a public suffix: everybody's names, not yours"],
  ],
  [
    'a public suffix through a set',
    'version: 1\nnames: {wide: ["*.com"]}\nallow:\n  r: {who: anyone, to: names:wide, ports: 1}',
    ['4:3 rule r allows names:wide, in which *.com covers a public suffix'],
  ],
  ['no name in a list', rule({ to: '[]' }), ['7:9 the list is empty: it names nothing']],

  [
    'a port that is none',
    rule({ ports: '0' }),
    [
      '8:12 this is not a port: ports are 1 to 65535 → write 443, 8000-8999, udp/53, a list such as [22, 443], or all',
    ],
  ],
  [
    'ports with a comma',
    rule({ ports: '22,443' }),
    [
      '8:12 this is not a port: ports are 1 to 65535 → write 443, 8000-8999, udp/53, a list such as [22, 443], or all',
    ],
  ],
  [
    'no ports in a list',
    rule({ ports: '[]' }),
    ['8:12 the list of ports is empty → write the ports, or all'],
  ],

  [
    'a group that holds itself',
    'version: 1\ngroups: {a: group:a}',
    ['2:10 a group holds itself: a holds a → take one of them out'],
  ],
  [
    'a circle of groups',
    'version: 1\ngroups:\n  a: group:b\n  b: [x@example.com, group:c]\n  c: group:b',
    ['4:3 a group holds itself: b holds c holds b → take one of them out'],
  ],
  [
    'anyone in a group',
    'version: 1\ngroups: {a: anyone}',
    [
      '2:13 "anyone" means more in a block than in an allow, so a group cannot hold it → write anyone in the rule itself',
    ],
  ],
  [
    'a set in a set',
    'version: 1\nnames: {a: names:b, b: []}',
    ['2:12 a set cannot stand here: write the names themselves'],
  ],
  [
    'a duplicate rule',
    'version: 1\nallow:\n  r: {}\n  r: {}',
    ['4:3 the key "r" is here twice, first in line 3 → rename one or join both'],
  ],
  [
    'an app with an unknown key',
    'version: 1\napps: {a.corp.internal: {hidden: true}}',
    ['2:26 "hidden" is not a key of app a.corp.internal → the keys are: unlisted'],
  ],
  [
    'an app that says yes',
    'version: 1\napps: {a.corp.internal: {unlisted: yes}}',
    ['2:36 unlisted must be true or false'],
  ],

  [
    'a test of nobody',
    'version: 1\ntests: [{as: {}, to: a.b.internal:1, expect: allow}]',
    ['2:14 as must be one of: a person (email, issuer, claims), a service, a network'],
  ],
  [
    'a test of two at once',
    'version: 1\ntests: [{as: {email: a@b.example, service: ci}, to: a.b.internal:1, expect: allow}]',
    ['2:14 as must be one of: a person (email, issuer, claims), a service, a network'],
  ],
  [
    'a test without a port',
    'version: 1\ntests: [{as: {service: ci}, to: a.b.internal, expect: allow}]',
    [
      '2:33 "a.b.internal" is not a host and a port → write wiki.corp.internal:443, or ns.corp.internal:udp/53',
    ],
  ],
  [
    'a test of a range',
    'version: 1\ntests: [{as: {service: ci}, to: "a.b.internal:1-2", expect: allow}]',
    [
      '2:33 "a.b.internal:1-2" is not a host and a port → write wiki.corp.internal:443, or ns.corp.internal:udp/53',
    ],
  ],
  [
    'a test that expects nonsense',
    'version: 1\ntests: [{as: {service: ci}, to: a.b.internal:1, expect: allowed}]',
    [
      '2:57 "allowed" is not an expectation → write allow, deny no-rule, deny by RULE, deny unmet FACT or deny not-published',
    ],
  ],
  [
    'a test that expects a rule which is not there',
    'version: 1\ntests: [{as: {service: ci}, to: a.b.internal:1, expect: deny by x}]',
    ['2:57 there is no block x in this file'],
  ],
  [
    'a test whose provider is not said',
    'version: 1\nblock: {r: {who: [claim:a/x=1, claim:b/x=1], to: anything}}\ntests: [{as: {claims: {x: 1}}, to: a.b.internal:1, expect: deny by r}]',
    ['3:14 a test with claims needs its issuer, for the rules name several → add issuer: a'],
  ],
]

describe('a policy file is refused, with place, sentence and fix, for', () => {
  for (const [what, text, expected] of TABLE) {
    it(what, () => assert.deepEqual(refused(text), expected))
  }
})

describe('a key of a later version is refused in a sentence of its own:', () => {
  const NOT_YET: [string, string][] = [
    ['devices', 'version: 1\ndevices: {}'],
    ['roles', 'version: 1\nroles: {}'],
    ['publishers', 'version: 1\npublishers: {}'],
    ['egress', 'version: 1\negress: {}'],
    ['when', rule({ more: 'when: { mfa: true }' })],
    ['via', rule({ more: 'via: zurich' })],
    ['source', rule({ more: 'source: 203.0.113.7' })],
    ['otherwise', rule({ more: 'otherwise: []' })],
    ['before', rule({ more: 'before: []' })],
    ...['mfa', 'amr', 'signed-in-ago', 'device', 'from'].map((key): [string, string] => [
      key,
      `version: 1\ntests: [{as: {email: a@b.example, ${key}: 1}, to: a.b.internal:1, expect: allow}]`,
    ]),
    ['at', 'version: 1\ntests: [{as: {service: ci}, at: 1, to: a.b.internal:1, expect: allow}]'],
    [
      'allow via',
      'version: 1\ntests: [{as: {service: ci}, to: a.b.internal:1, expect: allow via zurich}]',
    ],
  ]
  for (const [key, text] of NOT_YET) {
    it(key, () => {
      const [problem, ...others] = problemsOf(text)
      assert.equal(others.length, 0)
      assert.equal(problem?.code, 'ERR_CONFIG_NOT_YET')
      assert.match(problem?.message ?? '', new RegExp(`^"${key}" is not yet supported: `))
    })
  }
})

describe('what looks wide but is ours is allowed:', () => {
  const NOT_SUFFIXES = [
    'domain:internal',
    '"*.corp"',
    'domain:lan',
    'domain:github.io',
    '"*.example.com"',
    'domain:example.co.uk',
  ]
  for (const to of NOT_SUFFIXES) {
    it(to, () => assert.deepEqual(refused(rule({ to })), []))
  }

  it('a public suffix in a block, and in a set that only blocks use', () => {
    const text =
      'version: 1\nnames: {tlds: [domain:zip]}\nblock: {r: {who: anyone, to: [names:tlds, "*.com"]}}'
    assert.deepEqual(refused(text), [])
  })
})
