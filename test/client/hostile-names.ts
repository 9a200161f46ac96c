/** Names that are none, that mean an address to some program, or that only look like a private one. */
export const NOT_NAMES: readonly string[] = [
  '',
  '.',
  '..',
  'wiki..corp.internal',
  '.wiki.corp.internal',
  'wiki.corp.internal..',
  'wiki%2ecorp.internal',
  'wiki.corp.internal%00.example.com',
  'wiki.corp.internal\0',
  'wiki.corp.internal\0.example.com',
  'wiki.corp.internal\r\nHost: admin',
  'wiki.corp.internal ',
  ' wiki.corp.internal',
  'wiki corp.internal',
  'wiki.corp.internal/',
  'wiki.corp.internal#',
  'wiki.corp.internal?',
  'wiki.corp.internal\\',
  'wiki.corp.internal:80',
  'user@wiki.corp.internal',
  '*.corp.internal',
  '-wiki.corp.internal',
  'wiki-.corp.internal',
  `${'a'.repeat(64)}.corp.internal`,
  `${'a.'.repeat(121)}corp.internal`,
  'xn--.corp.internal',
  'xn--a.corp.internal',
  'xn--wiki.corp.internal',
  'wiki.corp.internal\u0000',
  'wiki\u200d.corp.internal',
  '\ufffd.corp.internal',
]

/** What inet_aton(3) or a URL parser takes for 127.0.0.1, or might. */
export const NOT_ADDRESSES: readonly string[] = [
  '0x7f.1',
  '0x7f000001',
  '0x7f.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '017700000001',
  '0177.0.0.1',
  '127.0.0.01',
  '127.0.0.1.',
  '127.0.0.256',
  '1.2.3',
  '0',
  '[127.0.0.1]',
  '::1%lo',
  '[::1',
]

/** Spellings of one name: the gate must see the one that its rules are written in. */
export const SPELLINGS: readonly string[] = [
  'wiki.corp.internal',
  'WIKI.CORP.INTERNAL',
  'wIkI.cOrP.iNtErNaL',
  'wiki.corp.internal.',
  'WIKI.corp.internal.',
  'ｗｉｋｉ.corp.internal',
  'wiki。corp.internal',
]

/** Names that look like wiki.corp.internal and are others. */
export const LOOKALIKES: readonly string[] = [
  'w\u0456ki.corp.internal',
  'wiki.c\u043erp.internal',
  'w\u0131ki.corp.internal',
  'wiki.corp.internal.example.com',
  'wikicorp.internal',
  'xn--wki-1ma.corp.internal',
]
