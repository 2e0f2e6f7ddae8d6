/** What definitions say of the entries of an organization's own catalogs: it is stored for that organization, and counts in its usage. */
import { sql } from 'kysely'
import { inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'

/** Both engines know how long a text is without reading it. */
const BYTES = sql<number | string>`coalesce(sum(octet_length(detail) + coalesce(octet_length(logo), 0)), 0)`

/** Texts and logos of all its upstreams; those of shared upstreams are nobody's. */
export async function measureDefinitions(db: Queries, organizationId: string): Promise<number> {
  const row = await db
    .selectFrom('catalog_texts')
    .select(BYTES.as('bytes'))
    .where('upstream_id', 'in', (eb) =>
      eb.selectFrom('upstreams').select('id').where('organization_id', '=', organizationId),
    )
    .executeTakeFirstOrThrow()
  return Number(row.bytes)
}

/** Those of one upstream. @param repositories undefined: all of its entries */
export async function measureTexts(db: Queries, upstreamId: string, repositories?: readonly string[]): Promise<number> {
  const all = db.selectFrom('catalog_texts').select(BYTES.as('bytes')).where('upstream_id', '=', upstreamId)
  if (repositories === undefined) return Number((await all.executeTakeFirstOrThrow()).bytes)
  let bytes = 0
  for (const chunk of inChunks(repositories)) {
    bytes += Number((await all.where('repository', 'in', chunk).executeTakeFirstOrThrow()).bytes)
  }
  return bytes
}

/** Whose an upstream is; undefined: it is shared, or gone. */
export async function findUpstreamOwner(db: Queries, upstreamId: string): Promise<string | undefined> {
  const row = await db.selectFrom('upstreams').select('organization_id').where('id', '=', upstreamId).executeTakeFirst()
  return row?.organization_id ?? undefined
}

/** Organizations that have any. */
export async function listOrganizationsWithTexts(tx: Transaction): Promise<string[]> {
  const rows = await tx
    .selectFrom('upstreams')
    .select('organization_id')
    .distinct()
    .where('organization_id', 'is not', null)
    .where((eb) =>
      eb.exists(
        eb.selectFrom('catalog_texts').select('repository').whereRef('catalog_texts.upstream_id', '=', 'upstreams.id'),
      ),
    )
    .execute()
  return rows.flatMap(({ organization_id }) => organization_id ?? [])
}
