/**
 * Quotas: what an organization stores must stay within what it may. Stored are the blobs and manifests that it links (each digest
 * once), its open upload sessions, and what its mirrors are downloading. Every link and every stage passes here; organizations
 * without a quota pay one look at their row.
 */
import { AppError } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { type Chunk, inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import { measureLinked, measureStaged } from './usage.ts'

/** A count that refuses somebody is never older, even if something was removed without telling. */
const MAX_COUNT_AGE_MS = 60_000

interface Limited {
  readonly id: string
  readonly name: string
  readonly quotaBytes: number
}

type Content = 'blob' | 'manifest'

const readQuota = prepareQuery((db, value: Value<{ organizationId: string }>) =>
  db.selectFrom('organizations').select('quota_bytes').where('id', '=', value('organizationId')),
)

/** Bytes that the organization may store now; undefined: no limit. */
export async function findQuotaBytes(db: Queries, organizationId: string): Promise<number | undefined> {
  const [row] = await readQuota(db, { organizationId })
  return row?.quota_bytes ?? undefined
}

/**
 * Counts content that a repository is about to link; what its organization links already costs nothing.
 * The content's own rows exist. @throws AppError DENIED over the quota
 */
export async function chargeLinks(
  tx: Transaction,
  repositoryId: string,
  content: Content,
  digests: readonly Digest[],
): Promise<void> {
  const organization = await findLimited(tx, { repositoryId })
  if (organization === undefined) return
  let added = 0
  for (const chunk of inChunks(digests)) added += await measureNew(tx, organization, content, chunk)
  if (added === 0) return
  await requireRoom(tx, organization, added, added, '')
  await tx
    .updateTable('organization_usage')
    .set((eb) => ({ linked_bytes: eb('linked_bytes', '+', added) }))
    .where('organization_id', '=', organization.id)
    .execute()
}

/** How large content is that is about to be linked, for its link; its own row exists. */
export function sizeForLink(db: Queries, content: Content, digest: string) {
  return db
    .selectFrom((content === 'blob' ? 'blobs' : 'manifests') as 'blobs')
    .select('size_bytes')
    .where('digest', '=', digest)
}

/**
 * Sets aside room for bytes on their way in, instead of what the stage had set aside before; for organizations with a quota.
 * @param o.digest content that the organization links already may come again, though there is no room for a second copy
 * @param o.upToBytes takes more at once where there is room
 * @returns bytes that are set aside; undefined: no limit
 * @throws AppError DENIED
 */
export async function reserveStage(
  tx: Transaction,
  organizationId: string,
  stageId: string,
  o: {
    readonly bytes: number
    readonly upToBytes?: number
    readonly digest?: Digest | undefined
    readonly at: string
  },
): Promise<number | undefined> {
  const organization = await findLimited(tx, { organizationId })
  if (organization === undefined) return undefined
  const needed = o.digest !== undefined && (await linksBlob(tx, organization.id, o.digest)) ? 0 : o.bytes
  const room = await requireRoom(tx, organization, needed, o.bytes, stageId)
  const bytes = Math.max(o.bytes, Math.min(o.upToBytes ?? 0, room))
  await tx
    .insertInto('stage_reservations')
    .values({ stage_id: stageId, organization_id: organization.id, bytes, at: o.at })
    .onConflict((conflict) => conflict.column('stage_id').doUpdateSet({ bytes, at: o.at }))
    .execute()
  return bytes
}

const endReservation = prepareQuery((db, value: Value<{ stageId: string }>) =>
  db.deleteFrom('stage_reservations').where('stage_id', '=', value('stageId')),
)

/** The stage holds this much and no more will come; 0: it is gone, or counted elsewhere now. */
export async function settleStage(tx: Transaction, stageId: string, bytes: number, at?: string): Promise<void> {
  if (bytes === 0) {
    await endReservation(tx, { stageId })
    return
  }
  const change = { bytes, ...(at === undefined ? {} : { at }) }
  await tx.updateTable('stage_reservations').set(change).where('stage_id', '=', stageId).execute()
}

/** Stages that room was set aside for before `before` (ISO 8601): whoever did so has ended without a word. */
export async function listOldReservations(db: Queries, before: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('stage_reservations')
    .select('stage_id')
    .where('at', '<', before)
    .orderBy('at')
    .limit(limit)
    .execute()
  return rows.map((row) => row.stage_id)
}

/** Something was taken out of the repository (its organization, when the whole is to go): the next refusal counts anew. */
export async function forgetUsage(tx: Transaction, repositoryId: string): Promise<void> {
  await tx
    .deleteFrom('organization_usage')
    .where('organization_id', 'in', (eb) =>
      eb.selectFrom('repositories').select('organization_id').where('repositories.id', '=', repositoryId),
    )
    .execute()
}

function limitedQuery(db: Queries) {
  return db.selectFrom('organizations').select(['id', 'name', 'quota_bytes']).where('quota_bytes', 'is not', null)
}

const readLimited = prepareQuery((db, value: Value<{ organizationId: string }>) =>
  limitedQuery(db).where('id', '=', value('organizationId')),
)

const readLimitedOf = prepareQuery((db, value: Value<{ repositoryId: string }>) =>
  limitedQuery(db).where('id', '=', (eb) =>
    eb.selectFrom('repositories').select('organization_id').where('repositories.id', '=', value('repositoryId')),
  ),
)

async function findLimited(
  tx: Transaction,
  by: { readonly organizationId: string } | { readonly repositoryId: string },
) {
  const [row] = await ('organizationId' in by ? readLimited(tx, by) : readLimitedOf(tx, by))
  return row === undefined ? undefined : { id: row.id, name: row.name, quotaBytes: Number(row.quota_bytes) }
}

/** @returns bytes that are free beyond what is staged and linked */
async function requireRoom(
  tx: Transaction,
  { id, name, quotaBytes }: Limited,
  neededBytes: number,
  shownBytes: number,
  besides: string,
): Promise<number> {
  const staged = await measureStaged(tx, id, besides)
  const fits = (linked: number) => staged + linked + neededBytes <= quotaBytes
  const known = await tx
    .selectFrom('organization_usage')
    .select(['linked_bytes', 'counted_at'])
    .where('organization_id', '=', id)
    .executeTakeFirst()
  const isFresh = known !== undefined && Date.now() - Date.parse(known.counted_at) < MAX_COUNT_AGE_MS
  const linked =
    known !== undefined && (fits(Number(known.linked_bytes)) || isFresh)
      ? Number(known.linked_bytes)
      : await countAnew(tx, id)
  if (fits(linked)) return quotaBytes - staged - linked
  const used = staged + linked
  throw new AppError(
    'DENIED',
    `organization ${name} is over its storage quota: ${used} of ${quotaBytes} bytes are used` +
      `${staged === 0 ? '' : ` (${staged} by uploads and downloads under way)`}, ${shownBytes} more do not fit`,
    { detail: { quotaBytes, usedBytes: used, addedBytes: shownBytes } },
  )
}

async function countAnew(tx: Transaction, organizationId: string): Promise<number> {
  const linked_bytes = await measureLinked(tx, organizationId)
  const counted_at = new Date().toISOString()
  await tx
    .insertInto('organization_usage')
    .values({ organization_id: organizationId, linked_bytes, counted_at })
    .onConflict((conflict) => conflict.column('organization_id').doUpdateSet({ linked_bytes, counted_at }))
    .execute()
  return linked_bytes
}

/** Bytes of those contents that no repository of the organization links. */
async function measureNew(
  tx: Transaction,
  organization: Limited,
  content: Content,
  chunk: Chunk<Digest>,
): Promise<number> {
  // Both tables have what is asked here; the types of a query take one name at a time.
  const links = (content === 'blob' ? 'repository_blobs' : 'repository_manifests') as 'repository_blobs'
  const row = await tx
    .selectFrom((content === 'blob' ? 'blobs' : 'manifests') as 'blobs')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('size_bytes'), eb.val(0)).as('bytes'))
    .where('digest', 'in', chunk)
    .where('digest', 'not in', (eb) =>
      eb
        .selectFrom(`${links} as link`)
        .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
        .select('link.digest')
        .where('link.digest', 'in', chunk)
        .where('repository.organization_id', '=', organization.id),
    )
    .executeTakeFirstOrThrow()
  return Number(row.bytes)
}

async function linksBlob(tx: Transaction, organizationId: string, digest: Digest): Promise<boolean> {
  const row = await tx
    .selectFrom('repository_blobs as link')
    .innerJoin('repositories as repository', 'repository.id', 'link.repository_id')
    .select('link.digest')
    .where('repository.organization_id', '=', organizationId)
    .where('link.digest', '=', digest)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether a refusal is one for want of room (`registry/quota.ts` throws it); DENIED is also said of much else. */
export function isQuotaRefusal({ code, detail }: AppError): boolean {
  return code === 'DENIED' && typeof detail === 'object' && detail !== null && 'quotaBytes' in detail
}
