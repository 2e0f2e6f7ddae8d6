/**
 * Quotas: what an organization stores must stay within what it may. Stored are the blobs and manifests that it links (each digest
 * once), its catalogs' definitions, its open upload sessions, and what its mirrors are downloading. Every link and every stage passes
 * here; organizations without a quota are counted all the same.
 */
import { AppError } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { inChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import { addUsage, countUsageAnew, measureLinkedAlone, measureStaged, readUsage } from './usage.ts'

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
 * The content's own rows exist. @param o.newBytes its size, when it is known that nobody had it before
 * @throws AppError DENIED over the quota
 */
export async function chargeLinks(
  tx: Transaction,
  repositoryId: string,
  content: Content,
  digests: readonly Digest[],
  o: { readonly newBytes?: number | undefined } = {},
): Promise<void> {
  const [row] = await readOwner(tx, { repositoryId })
  if (row === undefined) return
  const added = o.newBytes ?? (await measureUnlinked(tx, row.id, content, digests))
  if (added === 0) return
  const limited = limitedOf(row)
  if (limited !== undefined) await requireRoom(tx, limited, added, added, '')
  await addUsage(tx, row.id, added)
}

/** Content that a repository has ceased to link: what nothing else of its organization links is stored for it no longer. */
export async function dischargeLinks(
  tx: Transaction,
  repositoryId: string,
  content: Content,
  digests: readonly Digest[],
): Promise<void> {
  const [row] = await readOwner(tx, { repositoryId })
  if (row === undefined) return
  const freed = await measureUnlinked(tx, row.id, content, digests)
  if (freed > 0) await addUsage(tx, row.id, -freed)
}

/** A repository that is about to go, with all that it links. */
export async function dischargeRepository(tx: Transaction, repositoryId: string): Promise<void> {
  const [row] = await readOwner(tx, { repositoryId })
  const freed = await measureLinkedAlone(tx, repositoryId)
  if (row !== undefined && freed > 0) await addUsage(tx, row.id, -freed)
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
  const row = await tx
    .selectFrom('organizations')
    .select(['id', 'name', 'quota_bytes'])
    .where('id', '=', organizationId)
    .executeTakeFirst()
  const organization = row && limitedOf(row)
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

const readOwner = prepareQuery((db, value: Value<{ repositoryId: string }>) =>
  db
    .selectFrom('repositories as repository')
    .innerJoin('organizations as organization', 'organization.id', 'repository.organization_id')
    .select(['organization.id', 'organization.name', 'organization.quota_bytes'])
    .where('repository.id', '=', value('repositoryId')),
)

function limitedOf(row: {
  readonly id: string
  readonly name: string
  readonly quota_bytes: number | null
}): Limited | undefined {
  return row.quota_bytes === null ? undefined : { id: row.id, name: row.name, quotaBytes: Number(row.quota_bytes) }
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
  const known = await readUsage(tx, id)
  const isFresh = Date.now() - Date.parse(known.countedAt ?? '') < MAX_COUNT_AGE_MS
  const linked = fits(known.linkedBytes) || isFresh ? known.linkedBytes : await countUsageAnew(tx, id)
  if (fits(linked)) return quotaBytes - staged - linked
  const used = staged + linked
  throw new AppError(
    'DENIED',
    `organization ${name} is over its storage quota: ${used} of ${quotaBytes} bytes are used` +
      `${staged === 0 ? '' : ` (${staged} by uploads and downloads under way)`}, ${shownBytes} more do not fit`,
    {
      about: { reason: 'out-of-space', what: 'organization', name },
      detail: { quotaBytes, usedBytes: used, addedBytes: shownBytes },
    },
  )
}

/** Bytes of those contents that no repository of the organization links. */
async function measureUnlinked(
  tx: Transaction,
  organizationId: string,
  content: Content,
  digests: readonly Digest[],
): Promise<number> {
  // Both tables have what is asked here; the types of a query take one name at a time.
  const links = (content === 'blob' ? 'repository_blobs' : 'repository_manifests') as 'repository_blobs'
  let bytes = 0
  for (const chunk of inChunks(digests)) {
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
          .where('repository.organization_id', '=', organizationId),
      )
      .executeTakeFirstOrThrow()
    bytes += Number(row.bytes)
  }
  return bytes
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
