/** Catalogs of upstreams, and when they are read; `catalog-entries.ts` has what is in them. */
import { sql } from 'kysely'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { CatalogRow } from '../schema.ts'

const NEW: Omit<CatalogRow, 'upstream_id' | 'wanted_at' | 'next_at'> = {
  names: null,
  definitions_url: null,
  source: null,
  entries: 0,
  read_at: null,
  tried_at: null,
  failed_reads: 0,
  problem_code: null,
  problem: null,
  problem_since: null,
  accept_shrink: 0,
  definitions_from: null,
  definitions_etag: null,
  definitions_entries: 0,
  definitions_read_at: null,
  definitions_problem: null,
  definitions_notes: '[]',
  version: 0,
}

export async function findCatalog(db: Queries, upstreamId: string): Promise<CatalogRow | undefined> {
  return db.selectFrom('catalogs').selectAll().where('upstream_id', '=', upstreamId).executeTakeFirst()
}

/** Notes that somebody looks at the catalog: from now on it is read. One that rested is due at once. */
export async function wantCatalog(tx: Transaction, upstreamId: string, at: string): Promise<void> {
  const upstream = await tx.selectFrom('upstreams').select('id').where('id', '=', upstreamId).executeTakeFirst()
  // Removed meanwhile.
  if (upstream === undefined) return
  await tx
    .insertInto('catalogs')
    .values({ ...NEW, upstream_id: upstreamId, wanted_at: at, next_at: at })
    .onConflict((conflict) =>
      conflict.column('upstream_id').doUpdateSet((eb) => ({
        wanted_at: at,
        next_at: eb.fn.coalesce('catalogs.next_at', eb.val(at)),
      })),
    )
    .execute()
}

export async function updateCatalog(
  tx: Transaction,
  upstreamId: string,
  change: Partial<Omit<CatalogRow, 'upstream_id'>>,
): Promise<void> {
  await tx.updateTable('catalogs').set(change).where('upstream_id', '=', upstreamId).execute()
}

export interface DueCatalog {
  readonly id: string
  /** Null: shared. */
  readonly organization: string | null
}

/** Of one organization: one that ends in errors does not keep its others. */
const DUE_OF_ONE = 5

/** The longest due first, a few of each organization: however many it has, the others' are among them. */
export async function listDueCatalogs(db: Queries, at: string, limit: number): Promise<DueCatalog[]> {
  const due = db
    .selectFrom('catalogs as catalog')
    .innerJoin('upstreams as upstream', 'upstream.id', 'catalog.upstream_id')
    .select(['upstream.id', 'upstream.organization_id as organization', 'catalog.next_at'])
    .select(
      sql<number | string>`row_number() over (partition by coalesce(upstream.organization_id, upstream.id)
        order by catalog.next_at, upstream.id)`.as('place'),
    )
    .where('catalog.next_at', '<=', at)
  return db
    .selectFrom(due.as('due'))
    .select(['due.id', 'due.organization'])
    .where('due.place', '<=', DUE_OF_ONE)
    .orderBy('due.place')
    .orderBy('due.next_at')
    .limit(limit)
    .execute()
}

/** Upstreams of an organization, but for one, that have definitions of their own. */
export async function countDefinitions(db: Queries, organizationId: string, except: string): Promise<number> {
  const row = await db
    .selectFrom('catalogs as catalog')
    .innerJoin('upstreams as upstream', 'upstream.id', 'catalog.upstream_id')
    .select((eb) => eb.fn.countAll<number | string>().as('number'))
    .where('upstream.organization_id', '=', organizationId)
    .where('catalog.definitions_url', 'is not', null)
    .where('upstream.id', '!=', except)
    .executeTakeFirstOrThrow()
  return Number(row.number)
}

/** Its upstream is another now: what was read does not count, and it is due. */
export async function forgetReading(tx: Transaction, upstreamId: string, at: string): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('catalogs')
    .set((eb) => ({
      version: eb('version', '+', 1),
      ...{ source: null, read_at: null, tried_at: null, next_at: at, entries: 0, failed_reads: 0, accept_shrink: 1 },
      ...{ problem_code: null, problem: null, problem_since: null },
    }))
    .where('upstream_id', '=', upstreamId)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return
  await tx
    .updateTable('catalog_entries')
    .set({ facts: null, facts_digest: null, facts_at: null })
    .where('upstream_id', '=', upstreamId)
    .execute()
}
