import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Hostname, parseHostname } from '../../names/hostname.ts'
import { parsePattern } from '../../names/pattern.ts'
import { compile } from '../../policy/compile.ts'
import { decide } from '../../policy/decide.ts'
import { ANY_WORLD, type Decision, type PolicyRequest, type World } from '../../policy/decision.ts'
import type { PolicyDocument, Rule } from '../../policy/document.ts'
import { explain } from '../../policy/explain.ts'
import { ALL_PORTS, type PortRange, type Protocol } from '../../policy/ports.ts'
import { mayReachSomePort } from '../../policy/reach.ts'
import type { Requester } from '../../policy/requester.ts'
import type { Target } from '../../policy/target.ts'
import type { Who, WhoAtom } from '../../policy/who.ts'
import { referenceDecision } from './reference.ts'

// Small worlds: few people, names and ports, so that random rules meet random requests.
const NAMES = [
  'a.corp.internal',
  'b.corp.internal',
  'x.a.corp.internal',
  'y.x.a.corp.internal',
  'corp.internal',
  'a.lan.internal',
]
const PATTERNS = [
  ...NAMES,
  '*.corp.internal',
  '*.a.corp.internal',
  'domain:corp.internal',
  'domain:a.corp.internal',
  'domain:internal',
  '*.internal',
]
const PORTS = [1, 2, 3, 65_535]
const at = { line: 1, column: 1 }
const pick = <Value>(...values: readonly Value[]) => fc.constantFrom(...values)

const atom: fc.Arbitrary<WhoAtom> = fc.oneof(
  pick('a@e.example', 'b@e.example', 'c@f.example').map((address) => ({
    kind: 'address' as const,
    address,
  })),
  pick('e.example', 'f.example').map((domain) => ({ kind: 'mail-domain' as const, domain })),
  fc
    .record({
      provider: pick('okta', 'github', undefined),
      claim: pick('g', 'h'),
      value: pick('1', '2'),
    })
    .map((claim) => ({ kind: 'claim' as const, ...claim })),
  pick('s', 't').map((id) => ({ kind: 'service' as const, id })),
  pick('n').map((id) => ({ kind: 'network' as const, id })),
)
const group = pick('g0', 'g1', 'g2').map((name): WhoAtom => ({ kind: 'group', name }))
const anyone = fc.constant<WhoAtom>({ kind: 'anyone' })
const leaf = fc.oneof({ weight: 4, arbitrary: atom }, { weight: 3, arbitrary: group }, anyone)

const positive: fc.Arbitrary<Who> = fc.letrec<{ who: Who }>((tie) => ({
  who: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    {
      weight: 2,
      arbitrary: fc
        .array(tie('who'), { minLength: 1, maxLength: 3 })
        .map((of): Who => ({ kind: 'any', of })),
    },
    fc.array(tie('who'), { minLength: 1, maxLength: 3 }).map((of): Who => ({ kind: 'all', of })),
    fc
      .tuple(tie('who'), fc.array(tie('who'), { minLength: 1, maxLength: 2 }))
      .map(([some, of]): Who => ({ kind: 'all', of: [some, { kind: 'none', of }] })),
  ),
})).who

const pattern = pick(...PATTERNS).map(parsePattern)
const named: fc.Arbitrary<Target> = fc.oneof(
  { weight: 4, arbitrary: pattern.map((found): Target => ({ kind: 'pattern', pattern: found })) },
  pick('n0', 'n1').map((name): Target => ({ kind: 'set', name })),
)
const range: fc.Arbitrary<PortRange> = fc
  .record({ protocol: pick<Protocol>('tcp', 'udp'), from: pick(...PORTS), more: pick(0, 1) })
  .map(({ protocol, from, more }) => ({ protocol, from, to: Math.min(65_535, from + more) }))
const ports = fc.oneof(fc.array(range, { minLength: 1, maxLength: 3 }), fc.constant(ALL_PORTS))

const rule = (kind: Rule['kind'], target: fc.Arbitrary<Target>) =>
  fc.record({
    kind: fc.constant(kind),
    at: fc.constant(at),
    who: positive,
    to: fc.array(target, { minLength: 1, maxLength: 3 }),
    except: fc.array(named, { maxLength: 2 }),
    ports,
  })
const anything = fc.constant<Target>({ kind: 'anything' })
const anyTarget = fc.oneof({ weight: 5, arbitrary: named }, anything)
const fewRules = withNames(fc.array(rule('allow', named), { maxLength: 6 }), anyTarget)

/** Dozens of rules under one pattern, so that they are filed by atom and by port. */
const crowd = pick('domain:corp.internal', '*.corp.internal', 'a.corp.internal')
  .map(parsePattern)
  .map((found) => fc.constant<Target>({ kind: 'pattern', pattern: found }))
const manyRules = crowd.chain((target) =>
  withNames(fc.array(rule('allow', target), { minLength: 20, maxLength: 60 }), target),
)

function withNames(allows: fc.Arbitrary<Omit<Rule, 'name'>[]>, target: fc.Arbitrary<Target>) {
  const blocks = fc.array(rule('block', target), { maxLength: 2 })
  return fc.tuple(allows, blocks, fc.infiniteStream(fc.nat())).map(([some, others, salt]) =>
    [...some, ...others].map((each, index): Rule => {
      const { value = 0 } = salt.next()
      return { ...each, name: `r${value % 10}-${index}` }
    }),
  )
}

/** Groups hold only groups of a smaller number, so there is no circle. */
const groups = fc
  .tuple(...[0, 1, 2].map((index) => fc.array(fc.oneof(atom, ...lower(index)), { maxLength: 3 })))
  .map(
    (members) =>
      new Map(members.map((of, index) => [`g${index}`, { name: `g${index}`, at, members: of }])),
  )

function lower(index: number): fc.Arbitrary<WhoAtom>[] {
  return Array.from({ length: index }, (_, below) =>
    fc.constant<WhoAtom>({ kind: 'group', name: `g${below}` }),
  )
}

const sets = fc
  .tuple(...[0, 1].map(() => fc.array(pattern, { maxLength: 3 })))
  .map(
    (each) =>
      new Map(each.map((patterns, index) => [`n${index}`, { name: `n${index}`, at, patterns }])),
  )

const documentOf = (rules: fc.Arbitrary<Rule[]>): fc.Arbitrary<PolicyDocument> =>
  fc
    .record({ groups, names: sets, rules })
    .map((parts) => ({ ...parts, file: 'f', apps: [], tests: [] }))
const policyDocument = documentOf(fewRules)
const crowdedDocument = documentOf(manyRules)

const claims = fc.dictionary(pick('g', 'h'), fc.oneof(pick('1', '2'), fc.subarray(['1', '2'])))
const requester: fc.Arbitrary<Requester> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('person' as const),
      issuer: fc.constant('okta'),
      subject: fc.constant('x'),
      email: pick('a@e.example', 'b@e.example', 'c@f.example', 'z@z.example', undefined),
      claims: fc.oneof(
        claims.map((own) => new Map([['okta', own]])),
        fc.tuple(claims, claims).map(
          ([a, b]) =>
            new Map([
              ['okta', a],
              ['github', b],
            ]),
        ),
      ),
      unknownClaims: fc.oneof(
        fc.constant(undefined),
        fc.constant(new Map([['okta', new Set(['g', 'h'])]])),
        fc.subarray(['g', 'h']).map((some) => new Map([['okta', new Set(some)]])),
      ),
    }),
  },
  pick('s', 't', 'u').map((id) => ({ kind: 'service' as const, id })),
  pick('n', 'm').map((id) => ({ kind: 'network' as const, id })),
)

const request: fc.Arbitrary<PolicyRequest> = fc.record({
  who: requester,
  name: pick(...NAMES).map(parseHostname),
  port: pick(...PORTS),
  protocol: pick<Protocol>('tcp', 'udp'),
  now: fc.constant(0),
})

const hasLabel = (label: string) => (name: Hostname) => name.startsWith(label)
const world: fc.Arbitrary<World> = fc
  .record({ isPrivate: pick('', '', 'a.'), isPublished: pick('', '', 'a.') })
  .map((labels) => ({
    isPrivate: hasLabel(labels.isPrivate),
    isPublished: hasLabel(labels.isPublished),
  }))

/** What the unknown claim g may turn out to be, within this small world. */
function learnings(who: Requester): Requester[] {
  if (who.kind !== 'person' || !who.unknownClaims?.get('okta')?.has('g')) return []
  const known: Record<string, unknown> = who.claims.get('okta') ?? {}
  const had = [known.g ?? []].flat()
  const rest = new Set([...(who.unknownClaims.get('okta') ?? [])].filter((claim) => claim !== 'g'))
  return [[], ['1'], ['2'], ['1', '2']]
    .filter((values) => had.every((value) => values.includes(String(value))))
    .map((g) => ({
      ...who,
      claims: new Map([...who.claims, ['okta', { ...known, g }]]),
      unknownClaims: new Map([['okta', rest]]),
    }))
}

function words(decision: Decision): string {
  if (decision.kind === 'allow') return `allow by ${decision.rule}`
  return decision.why === 'no-rule' ? 'no-rule' : `${decision.why} by ${decision.rule}`
}

describe('on random documents and requests', () => {
  it('the engine agrees with a reference that reads every rule', () => {
    const seen = new Map<string, number>()
    const property = fc.property(
      policyDocument,
      fc.array(request, { minLength: 8, maxLength: 8 }),
      world,
      (document, requests, around) => {
        const policy = compile(document)
        for (const each of requests) {
          const expected = referenceDecision(document, each, around)
          assert.equal(words(decide(policy, each, around)), expected)
          const kind = expected.split(' ')[0] ?? ''
          seen.set(kind, (seen.get(kind) ?? 0) + 1)
        }
      },
    )
    fc.assert(property, { numRuns: 3000 })
    // A property that only ever saw one answer would hold of anything.
    for (const kind of ['allow', 'no-rule', 'blocked', 'unmet', 'not-published']) {
      assert.ok((seen.get(kind) ?? 0) > 100, `${kind}: ${seen.get(kind)} times`)
    }
  })

  it('the engine agrees with the reference where dozens of rules crowd one pattern', () => {
    const requests = fc.array(request, { minLength: 12, maxLength: 12 })
    const property = fc.property(crowdedDocument, requests, (document, some) => {
      const policy = compile(document)
      for (const each of some) {
        const expected = referenceDecision(document, each, ANY_WORLD)
        assert.equal(words(decide(policy, each, ANY_WORLD)), expected)
      }
    })
    fc.assert(property, { numRuns: 250 })
  })

  it('the order of rules in the file changes nothing', () => {
    const property = fc.property(policyDocument, request, (document, each) => {
      const turned = { ...document, rules: document.rules.toReversed() }
      const there = decide(compile(document), each, ANY_WORLD)
      assert.deepEqual(decide(compile(turned), each, ANY_WORLD), there)
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('learning what was unknown never turns an allow into a denial', () => {
    const property = fc.property(policyDocument, request, (document, each) => {
      const policy = compile(document)
      if (decide(policy, each, ANY_WORLD).kind !== 'allow') return
      for (const who of learnings(each.who)) {
        assert.equal(decide(policy, { ...each, who }, ANY_WORLD).kind, 'allow')
      }
    })
    fc.assert(property, { numRuns: 800 })
  })

  it('somebody may reach some port of a name exactly when a port answers allow or unmet', () => {
    const all = PORTS.flatMap((port) => [port, port + 1, port - 1]).filter(
      (p) => p > 0 && p < 65_536,
    )
    const property = fc.property(policyDocument, request, (document, { who, name }) => {
      const policy = compile(document)
      const isOpen = all.some((port) =>
        (['tcp', 'udp'] as const).some((protocol) => {
          const decision = decide(policy, { who, name, port, protocol, now: 0 }, ANY_WORLD)
          return decision.kind === 'allow' || decision.why === 'unmet'
        }),
      )
      assert.equal(mayReachSomePort(policy, who, name, 0), isOpen)
    })
    fc.assert(property, { numRuns: 800 })
  })

  it('an explanation agrees with the decision about the rule that it names', () => {
    const property = fc.property(policyDocument, request, (document, each) => {
      const policy = compile(document)
      const { decision, rules: traces } = explain(policy, each, ANY_WORLD)
      assert.deepEqual(decision, decide(policy, each, ANY_WORLD))
      assert.equal(traces.length, document.rules.length)
      const holding = traces.filter(({ result }) => result === 'holds')
      const maybe = traces.filter(({ result }) => result === 'may-hold')
      const named = 'rule' in decision ? decision.rule : undefined
      const certain = decision.kind === 'allow' || decision.why === 'blocked'
      if (certain) assert.ok(holding.some(({ rule: name }) => name === named))
      else if (decision.why === 'unmet') assert.ok(maybe.some(({ rule: name }) => name === named))
      else assert.ok(!holding.some(({ kind }) => kind === 'allow'))
      for (const { question } of maybe) assert.match(question ?? '', / has /)
    })
    fc.assert(property, { numRuns: 500 })
  })
})
