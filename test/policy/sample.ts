/** A document that uses every part of the language; its tests hold. */
export const SAMPLE = `version: 1

groups:                                   # who
  engineers:   [claim:okta/groups=engineering, carol@contractor.example]
  oncall:      [claim:okta/groups=sre-oncall, service:pager]
  contractors: ["*@contractor.example"]
  everybody:   [group:engineers, group:oncall, "*@example.com"]
  suspended:   claim:okta/groups=suspended
names:                                    # what
  source:      [git.corp.internal, "*.ci.corp.internal"]
  logs:        domain:logs.corp.internal
apps:
  payroll.corp.internal: { unlisted: true }
  "*.hidden.corp.internal": { unlisted: true }

allow:
  engineers-reach-source:
    who: group:engineers
    to: names:source
    ports: [22, 443]
  everyone-reads-the-wiki:
    who: "*@example.com"
    to: wiki.corp.internal
    ports: 443
  oncall-fixes-databases:
    who: { any: group:oncall, none: group:contractors }
    to: ["*.db.corp.internal", names:logs]
    except: payroll.db.corp.internal
    ports: [5432, 8000-8999, udp/53]
  erin-sees-payroll:
    who: erin@example.com
    to: payroll.corp.internal
    ports: all
  branch-prints:
    who: network:branch-zurich
    to: print.corp.internal
    ports: 9100

block:
  nobody-suspended:
    who: group:suspended
    to: anything
  no-telnet:
    who: anyone
    to: domain:corp.internal
    ports: 23

tests:
  - as: { email: fay@example.com, issuer: okta, claims: { groups: [engineering] } }
    to: git.corp.internal:22
    expect: allow
  - as: { email: dave@contractor.example }
    to: wiki.corp.internal:443
    expect: deny no-rule
  - as: { email: dave@example.com, unknown: [claim:okta/groups] }
    to: wiki.corp.internal:443
    expect: deny unmet claim:okta/groups
  - as: { email: dave@example.com, claims: { groups: suspended } }
    to: wiki.corp.internal:443
    expect: deny by nobody-suspended
  - as: { service: pager }
    to: a.db.corp.internal:udp/53
    expect: allow
  - as: { network: branch-zurich }
    to: print.corp.internal:9100
    expect: allow
`
