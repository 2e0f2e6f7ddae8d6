/** What can be mirrored: what is known of an upstream's repositories, and where they are mirrored to already. */

import type { CatalogDetail, CatalogEntry } from '../api/catalog.ts'
import type { Database } from '../db/engine/engine.ts'
import { listDestinations } from '../db/mirrors/catalog.ts'
import { findCatalogEntry, type ListedEntry, listCatalogEntries, listTagsAmong } from '../db/mirrors/catalog-entries.ts'
import type { Viewer } from '../db/people/visible-repositories.ts'
import type { CatalogRow, UpstreamRow } from '../db/schema.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { givenNames } from './refresh/names.ts'
import { NAME_ALONE, renderCatalogDetail, renderCatalogEntry } from './views.ts'

interface Asked {
  readonly organizationIds: readonly string[]
  readonly viewer: Viewer
  readonly today: string
}

/** Entries that are looked through between two breaths. */
const FOUND_AT_ONCE = 500
/** Mirrors of one entry whose tags are looked at. */
const MAX_MIRRORS = 20

/**
 * One page of an upstream's repositories, by name, as they were read last. No registry is asked: while it was never read (`isBeingRead`), there
 * are those that people gave.
 * @param o.part those alone that have it in UPSTREAM/NAME or in their titles, in whatever case
 * @throws AppError when it was never read because of that: UPSTREAM_UNSUPPORTED where the registry lists nothing, and other UPSTREAM_*
 */
export async function listEntries(
  db: Database,
  upstream: UpstreamRow,
  catalog: CatalogRow | undefined,
  o: Asked & { readonly after?: string | undefined; readonly limit: number; readonly part?: string | undefined },
): Promise<CatalogEntry[]> {
  const { limit, today } = o
  const given = givenNames(catalog)
  if (given === undefined && catalog?.read_at == null) refuseUnread(catalog)
  const destinations = await listDestinations(db.read, upstream.id, o.organizationIds, o.viewer)
  const render = (row: ListedEntry) =>
    renderCatalogEntry(row, { upstream: upstream.name, mirrors: destinations.get(row.repository) ?? [], today })
  const part = o.part?.toLowerCase()
  const isFound = ({ repository, title }: CatalogEntry) =>
    part === undefined || `${upstream.name}/${repository}\n${title ?? ''}`.toLowerCase().includes(part)
  const like = part === undefined ? undefined : { before: upstream.name, part }
  const atOnce = part === undefined ? limit : FOUND_AT_ONCE
  const read = async (after: string | undefined) =>
    catalog?.read_at == null
      ? (given ?? [])
          .sort()
          .filter((name) => after === undefined || name > after)
          .slice(0, atOnce)
          .map((repository) => ({ repository, ...NAME_ALONE }))
      : listCatalogEntries(db.read, upstream.id, { after, limit: atOnce, like })
  const found: CatalogEntry[] = []
  // The database finds what may have it, what is shown decides.
  for (let after = o.after; ; ) {
    const rows = await read(after)
    found.push(...rows.map(render).filter(isFound))
    after = rows.at(-1)?.repository
    if (found.length >= limit || rows.length < atOnce) return found.slice(0, limit)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Whether it was never read, and nothing keeps it from being. */
export function isBeingRead(catalog: CatalogRow | undefined): boolean {
  return catalog === undefined || (catalog.read_at === null && catalog.problem_code === null)
}

function refuseUnread(catalog: CatalogRow | undefined): void {
  if (catalog?.problem == null || catalog.problem_code === null) return
  // A fault of ours was noted where it was met, not at each look.
  const code = catalog.problem_code === 'INTERNAL' ? 'UPSTREAM_UNAVAILABLE' : (catalog.problem_code as ErrorCode)
  throw new AppError(code, catalog.problem)
}

/** @throws AppError NOT_FOUND when the catalog has no such entry; it may be mirrored all the same */
export async function showEntry(
  db: Database,
  upstream: UpstreamRow,
  repository: string,
  { organizationIds, viewer, today }: Asked,
): Promise<CatalogDetail> {
  const row = await findCatalogEntry(db.read, upstream.id, repository)
  const destinations = await listDestinations(db.read, upstream.id, organizationIds, viewer, repository)
  const mirrors = destinations.get(repository) ?? []
  if (row === undefined && mirrors.length === 0) throw noEntry(upstream.name, repository)
  const shown = row ?? { repository, ...NAME_ALONE, detail: null }
  const looked = new Set(mirrors.slice(0, MAX_MIRRORS))
  return renderCatalogDetail(shown, { upstream: upstream.name, mirrors, today }, async (mirror, tags) =>
    looked.has(mirror) ? listTagsAmong(db.read, mirror, tags) : new Set(),
  )
}

export function noEntry(upstream: string, repository: string): AppError {
  return new AppError('NOT_FOUND', `the catalog of ${upstream} has no ${repository}`, {
    about: { reason: 'absent', what: 'entry', name: repository },
  })
}
