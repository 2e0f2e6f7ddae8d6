/** What was pulled and stored, by hour and by day. */
import type { Queries } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { Per } from '../schema.ts'

export interface Period {
  /** When it begins. */
  readonly at: string
  readonly pulls: number
  readonly checks: number
  readonly bytes: number
  /** Null: not looked at in it. */
  readonly storedBytes: number | null
}

export interface Span {
  readonly per: Per
  readonly from: string
  /** The beginning of the last one. */
  readonly to: string
}

const COUNTS = ['at', 'pulls', 'checks', 'bytes', 'stored_bytes'] as const

function periodOf(row: {
  readonly at: string
  readonly pulls: number
  readonly checks: number
  readonly bytes: number
  readonly stored_bytes: number | null
}): Period {
  const { at, stored_bytes: stored } = row
  const [pulls, checks, bytes] = [Number(row.pulls), Number(row.checks), Number(row.bytes)]
  return { at, pulls, checks, bytes, storedBytes: stored === null ? null : Number(stored) }
}

/** Of one repository, oldest first; those in which nothing happened may be left out. */
export async function listRepositoryPeriods(db: Queries, repositoryId: string, span: Span): Promise<Period[]> {
  const rows = await db
    .selectFrom('repository_periods')
    .select(COUNTS)
    .where('repository_id', '=', repositoryId)
    .where('per', '=', span.per)
    .where('at', '>=', span.from)
    .where('at', '<=', span.to)
    .orderBy('at')
    .execute()
  return rows.map(periodOf)
}

/** The same of a whole organization, repositories that are gone included. */
export async function listOrganizationPeriods(db: Queries, organizationId: string, span: Span): Promise<Period[]> {
  const rows = await db
    .selectFrom('organization_periods')
    .select(COUNTS)
    .where('organization_id', '=', organizationId)
    .where('per', '=', span.per)
    .where('at', '>=', span.from)
    .where('at', '<=', span.to)
    .orderBy('at')
    .execute()
  return rows.map(periodOf)
}

/** The sums of those repositories that the viewer sees; what they store together is not known, as they share blobs with others. */
export async function sumVisiblePeriods(
  db: Queries,
  organizationId: string,
  viewer: Viewer,
  span: Span,
): Promise<Period[]> {
  const rows = await db
    .selectFrom('repositories as repository')
    .innerJoin('repository_periods as period', 'period.repository_id', 'repository.id')
    .select((eb) => [
      'period.at as at',
      eb.fn.sum<number>('period.pulls').as('pulls'),
      eb.fn.sum<number>('period.checks').as('checks'),
      eb.fn.sum<number>('period.bytes').as('bytes'),
    ])
    .where('repository.organization_id', '=', organizationId)
    .where(isVisibleTo(viewer))
    .where('period.per', '=', span.per)
    .where('period.at', '>=', span.from)
    .where('period.at', '<=', span.to)
    .groupBy('period.at')
    .orderBy('period.at')
    .execute()
  return rows.map((row) => periodOf({ ...row, stored_bytes: null }))
}

/** What was stored when it was last looked at before a time; null: nobody has. */
export async function findStoredBefore(
  db: Queries,
  of: { readonly repositoryId: string } | { readonly organizationId: string },
  at: string,
): Promise<number | null> {
  const query =
    'repositoryId' in of
      ? db.selectFrom('repository_periods').where('repository_id', '=', of.repositoryId)
      : db.selectFrom('organization_periods').where('organization_id', '=', of.organizationId)
  const row = await (query as ReturnType<typeof db.selectFrom<'repository_periods'>>)
    .select('stored_bytes')
    .where('per', '=', 'day')
    .where('at', '<', at)
    .where('stored_bytes', 'is not', null)
    .orderBy('at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.stored_bytes === undefined || row.stored_bytes === null ? null : Number(row.stored_bytes)
}
