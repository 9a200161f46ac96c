import type { Announce, AnnouncedApp, Catalog, CatalogEntry } from '../control.ts'
import { hostname, pattern, ports } from './names.ts'
import { type Fields, fields, flag, list, oneOf, whole } from './shape.ts'

const MAX_APPS = 1024
const MAX_ENTRIES = 8192
const MAX_ZONES = 256

export function readAnnounce(body: Fields): Announce {
  return { kind: 'announce', apps: list(body, 'apps', MAX_APPS, readApp) }
}

function readApp(item: unknown): AnnouncedApp {
  const app = fields(item, 'apps')
  return {
    pattern: pattern(app, 'pattern'),
    ports: ports(app, 'ports'),
    fixedTo: flag(app, 'fixedTo'),
    health: oneOf(app, 'health', ['ok', 'failing', 'unknown']),
  }
}

export function readCatalog(body: Fields): Catalog {
  return {
    kind: 'catalog',
    revision: whole(body, 'revision', 0, Number.MAX_SAFE_INTEGER),
    zones: list(body, 'zones', MAX_ZONES, (item) => hostname({ zones: item }, 'zones')),
    entries: list(body, 'entries', MAX_ENTRIES, readEntry),
  }
}

function readEntry(item: unknown): CatalogEntry {
  const entry = fields(item, 'entries')
  return {
    pattern: pattern(entry, 'pattern'),
    owned: flag(entry, 'owned'),
    ports: ports(entry, 'ports'),
  }
}
