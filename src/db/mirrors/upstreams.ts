import { AppError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { measureTexts } from '../content/definition-texts.ts'
import { addUsage } from '../content/usage.ts'
import { byBytes, type Chunk, pageOfChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import { isUniqueViolation, type Queries, type Transaction } from '../engine/engine.ts'
import type { UpstreamRow } from '../schema.ts'

export type NewUpstream = Omit<UpstreamRow, 'id' | 'max_rate' | 'has_own_rate'> &
  Partial<Pick<UpstreamRow, 'max_rate' | 'has_own_rate'>>

/** @throws AppError CONFLICT when the organization (or the shared list) has that name already */
export async function createUpstream(tx: Transaction, upstream: NewUpstream): Promise<UpstreamRow> {
  try {
    return await tx
      .insertInto('upstreams')
      .values({ id: newId(), max_rate: '[]', has_own_rate: 0, ...upstream })
      .returningAll()
      .executeTakeFirstOrThrow()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new AppError('CONFLICT', `there is an upstream ${upstream.name} already`, {
      about: { reason: 'taken', what: 'upstream', name: upstream.name },
      cause: error,
    })
  }
}

/** What an organization means by a name: its own upstream first, then the operator's shared one. `null`: shared ones only. */
export async function findUpstream(
  db: Queries,
  organizationId: string | null,
  name: string,
): Promise<UpstreamRow | undefined> {
  const rows = await db
    .selectFrom('upstreams')
    .selectAll()
    .where('name', '=', name)
    .where((eb) => eb.or([eb('organization_id', 'is', null), eb('organization_id', '=', organizationId ?? '')]))
    .execute()
  return rows.find((row) => row.organization_id !== null) ?? rows[0]
}

/** Upstreams whose certificates have a private key beside them. */
export async function listUpstreamsWithKeys(db: Queries): Promise<{ id: string; ca: string }[]> {
  const rows = await db.selectFrom('upstreams').select(['id', 'ca']).where('ca', 'like', '%PRIVATE KEY%').execute()
  return rows.map(({ id, ca }) => ({ id, ca: ca ?? '' }))
}

export async function setUpstreamCertificates(tx: Transaction, id: string, ca: string | null): Promise<void> {
  await tx.updateTable('upstreams').set({ ca }).where('id', '=', id).execute()
}

export async function findUpstreamById(db: Queries, id: string): Promise<UpstreamRow | undefined> {
  return db.selectFrom('upstreams').selectAll().where('id', '=', id).executeTakeFirst()
}

/** What a person may change of an upstream; the mirrors of it go on, with the new settings from their next run on. */
export type UpstreamSettings = Pick<
  UpstreamRow,
  | 'url'
  | 'username'
  | 'sealed_password'
  | 'ca'
  | 'plain_http'
  | 'referrers_from'
  | 'prefix'
  | 'max_rate'
  | 'has_own_rate'
>

export async function updateUpstream(
  tx: Transaction,
  id: string,
  settings: Partial<UpstreamSettings>,
): Promise<UpstreamRow> {
  return tx.updateTable('upstreams').set(settings).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** The limits that people set for it, as they wrote them. */
export function maxRateOf({ max_rate }: Pick<UpstreamRow, 'max_rate'>): string[] {
  return JSON.parse(max_rate) as string[]
}

/** The name of the upstream that another takes its referrers from. */
export async function findReferrerSourceName(db: Queries, upstream: UpstreamRow): Promise<string | null> {
  const { referrers_from: id } = upstream
  return id === null ? null : ((await findUpstreamById(db, id))?.name ?? null)
}

export interface UpstreamRecord extends UpstreamRow {
  /** Null: shared. */
  readonly organization: string | null
  /** Name of the referrer source. */
  readonly referrers_from_name: string | null
}

/** Where a page ended: names are not unique across organizations. */
export function upstreamCursor(row: Pick<UpstreamRow, 'id' | 'name'>): string {
  return formatCursor([row.name, row.id])
}

/**
 * The shared upstreams and those of the given organizations, by name.
 * @param o.after see upstreamCursor @throws AppError INVALID_REQUEST when it is none
 */
export async function listUpstreams(
  db: Queries,
  o: {
    readonly organizationIds: readonly string[]
    readonly seesShared: boolean
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<UpstreamRecord[]> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  let query = db
    .selectFrom('upstreams as upstream')
    .leftJoin('organizations as organization', 'organization.id', 'upstream.organization_id')
    .leftJoin('upstreams as referrers', 'referrers.id', 'upstream.referrers_from')
    .selectAll('upstream')
    .select(['organization.name as organization', 'referrers.name as referrers_from_name'])
    .orderBy('upstream.name')
    .orderBy('upstream.id')
    .limit(o.limit)
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('upstream.name', '>', after[0]),
        eb.and([eb('upstream.name', '=', after[0]), eb('upstream.id', '>', after[1])]),
      ]),
    )
  }
  const mayBeSeen = (chunk: Chunk<string>) =>
    query
      .where((eb) =>
        eb.or([
          ...(o.seesShared ? [eb('upstream.organization_id', 'is', null)] : []),
          eb('upstream.organization_id', 'in', chunk),
        ]),
      )
      .execute()
  // The empty id is nobody's: the shared ones are listed for a caller of no organization too.
  return pageOfChunks(['', ...o.organizationIds], mayBeSeen, {
    limit: o.limit,
    keyOf: (row) => row.id,
    compare: (a, b) => byBytes(a.name, b.name) || byBytes(a.id, b.id),
  })
}

/** The oldest `limit` of all, for operators: which ones they are changes seldom. `organization` is its name; null: shared. */
export async function listOldestUpstreams(
  db: Queries,
  limit: number,
): Promise<(UpstreamRow & { organization: string | null })[]> {
  return db
    .selectFrom('upstreams as upstream')
    .leftJoin('organizations as organization', 'organization.id', 'upstream.organization_id')
    .selectAll('upstream')
    .select('organization.name as organization')
    .orderBy('upstream.created_at')
    .orderBy('upstream.id')
    .limit(limit)
    .execute()
}

/**
 * Removes an upstream. Stopped mirrors of it are forgotten; their repositories stay, unmirrored.
 * @throws AppError CONFLICT while a mirror or a subscription reads from it, or another upstream takes its referrers from it
 */
export async function removeUpstream(tx: Transaction, upstream: UpstreamRow): Promise<void> {
  const reader = await tx
    .selectFrom('mirrors as mirror')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select('repository.name')
    .where('mirror.upstream_id', '=', upstream.id)
    .where('mirror.state', '!=', 'stopped')
    .executeTakeFirst()
  if (reader !== undefined) {
    throw new AppError(
      'CONFLICT',
      `upstream ${upstream.name} is read by the mirror ${reader.name}: stop its mirrors first`,
      { about: { reason: 'in-use', what: 'upstream', name: upstream.name } },
    )
  }
  const subscribed = await tx
    .selectFrom('subscriptions')
    .select('id')
    .where('upstream_id', '=', upstream.id)
    .where('state', '!=', 'stopped')
    .executeTakeFirst()
  if (subscribed !== undefined) {
    throw new AppError(
      'CONFLICT',
      `upstream ${upstream.name} is subscribed to: stop that first, subscription stop ${subscribed.id}`,
      { about: { reason: 'in-use', what: 'upstream', name: upstream.name } },
    )
  }
  const other = await tx
    .selectFrom('upstreams')
    .select('name')
    .where('referrers_from', '=', upstream.id)
    .executeTakeFirst()
  if (other !== undefined) {
    throw new AppError(
      'CONFLICT',
      `upstream ${other.name} takes its referrers from ${upstream.name}: remove it first`,
      { about: { reason: 'in-use', what: 'upstream', name: upstream.name } },
    )
  }
  await tx.deleteFrom('mirrors').where('upstream_id', '=', upstream.id).execute()
  await tx.deleteFrom('subscriptions').where('upstream_id', '=', upstream.id).execute()
  const { organization_id: owner } = upstream
  const texts = owner === null ? 0 : await measureTexts(tx, upstream.id)
  if (owner !== null && texts > 0) await addUsage(tx, owner, -texts)
  await tx.deleteFrom('upstreams').where('id', '=', upstream.id).execute()
}
