/**
 * Keys of the language that this version does not know yet. Each is refused with a sentence of its
 * own, for an ignored condition would let people in whom its author kept out.
 */
const notYet = (key: string, does: string) => `"${key}" is not yet supported: ${does}`

export const LATER_TOP = {
  devices: notYet('devices', 'rules cannot ask for facts of a device in this version'),
  roles: notYet('roles', 'admins are not named in the policy in this version'),
  publishers: notYet('publishers', 'only connectors publish in this version'),
  egress: notYet('egress', 'public names keep their usual way in this version'),
} as const

export const LATER_RULE = {
  when: notYet('when', 'a rule holds always, or not at all, in this version'),
  via: notYet('via', 'public names keep their usual way in this version'),
  source: notYet('source', 'public names keep their usual way in this version'),
  otherwise: notYet('otherwise', 'public names keep their usual way in this version'),
  before: notYet('before', 'only egress rules will need an order'),
} as const

export const LATER_TEST = {
  at: notYet('at', 'no rule depends on time in this version'),
} as const

export const LATER_AS = {
  mfa: notYet('mfa', 'no rule asks how somebody signed in in this version'),
  amr: notYet('amr', 'no rule asks how somebody signed in in this version'),
  'signed-in-ago': notYet('signed-in-ago', 'no rule asks when somebody signed in in this version'),
  device: notYet('device', 'no rule asks for facts of a device in this version'),
  from: notYet('from', 'no rule asks for an address in this version'),
} as const
