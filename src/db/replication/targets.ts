/** Registries that are written to. */
import type { SignIn } from '../../api/targets.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import { byBytes, type Chunk, pageOfChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import { isUniqueViolation, type Queries, type Transaction } from '../engine/engine.ts'
import { isVisibleTo, type Viewer } from '../people/visible-repositories.ts'
import type { TargetRow } from '../schema.ts'

/** @throws AppError CONFLICT when the organization (or the shared list) has that name already */
export async function createTarget(tx: Transaction, target: Omit<TargetRow, 'id'>): Promise<TargetRow> {
  try {
    return await tx
      .insertInto('targets')
      .values({ id: newId(), ...target })
      .returningAll()
      .executeTakeFirstOrThrow()
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new AppError('CONFLICT', `there is a target ${target.name} already`, {
      about: { reason: 'taken', what: 'target', name: target.name },
      cause: error,
    })
  }
}

/** What an organization means by a name: its own target first, then the operator's shared one. `null`: shared ones only. */
export async function findTarget(
  db: Queries,
  organizationId: string | null,
  name: string,
): Promise<TargetRow | undefined> {
  const rows = await db
    .selectFrom('targets')
    .selectAll()
    .where('name', '=', name)
    .where((eb) => eb.or([eb('organization_id', 'is', null), eb('organization_id', '=', organizationId ?? '')]))
    .execute()
  return rows.find((row) => row.organization_id !== null) ?? rows[0]
}

export async function findTargetById(db: Queries, id: string): Promise<TargetRow | undefined> {
  return db.selectFrom('targets').selectAll().where('id', '=', id).executeTakeFirst()
}

/** How it is signed in to. */
export function signInOf(row: Pick<TargetRow, 'sign_in' | 'sign_in_settings'>): SignIn {
  return { ...(JSON.parse(row.sign_in_settings) as object), by: row.sign_in } as SignIn
}

/** The limits that people set for it, as they wrote them. */
export function targetRatesOf({ max_rate }: Pick<TargetRow, 'max_rate'>): string[] {
  return JSON.parse(max_rate) as string[]
}

/** What a person may change of a target; its replications go on, with the new settings from their next run on. */
export type TargetSettings = Omit<TargetRow, 'id' | 'organization_id' | 'name' | 'created_at'>

export async function updateTarget(tx: Transaction, id: string, settings: Partial<TargetSettings>): Promise<TargetRow> {
  return tx.updateTable('targets').set(settings).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** Rows that one transaction removes. */
const PORTION = 2000

/** A portion of what it is known to have, which is a hint: who lacks it asks. @returns whether there may be more */
export async function forgetSomeTargetContent(tx: Transaction, id: string): Promise<boolean> {
  const first = await tx
    .selectFrom('target_content')
    .select('repository')
    .where('target_id', '=', id)
    .limit(1)
    .executeTakeFirst()
  if (first === undefined) return false
  const some = tx
    .selectFrom('target_content')
    .select('digest')
    .where('target_id', '=', id)
    .where('repository', '=', first.repository)
    .limit(PORTION)
  await tx
    .deleteFrom('target_content')
    .where('target_id', '=', id)
    .where('repository', '=', first.repository)
    .where('digest', 'in', (eb) => eb.selectFrom(some.as('some')).select('some.digest'))
    .execute()
  return true
}

/**
 * Another registry answers there now, or another place in it: nothing is known of what it has. What was noted since `forgetSomeTargetContent`
 * found nothing is all that is left.
 */
export async function forgetTargetContent(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('target_content').where('target_id', '=', id).execute()
  await tx.updateTable('replications').set({ full_due: 1 }).where('target_id', '=', id).execute()
}

export interface TargetRecord extends TargetRow {
  /** Null: shared. */
  readonly organization: string | null
}

/** Where a page ended: names are not unique across organizations. */
export function targetCursor(row: Pick<TargetRow, 'id' | 'name'>): string {
  return formatCursor([row.name, row.id])
}

/**
 * The shared targets and those of the given organizations, by name.
 * @param o.after see targetCursor @throws AppError INVALID_REQUEST when it is none
 */
export async function listTargets(
  db: Queries,
  o: {
    readonly organizationIds: readonly string[]
    readonly seesShared: boolean
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<TargetRecord[]> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  let query = db
    .selectFrom('targets as target')
    .leftJoin('organizations as organization', 'organization.id', 'target.organization_id')
    .selectAll('target')
    .select('organization.name as organization')
    .orderBy('target.name')
    .orderBy('target.id')
    .limit(o.limit)
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('target.name', '>', after[0]),
        eb.and([eb('target.name', '=', after[0]), eb('target.id', '>', after[1])]),
      ]),
    )
  }
  const mayBeSeen = (chunk: Chunk<string>) =>
    query
      .where((eb) =>
        eb.or([
          ...(o.seesShared ? [eb('target.organization_id', 'is', null)] : []),
          eb('target.organization_id', 'in', chunk),
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

/** Repositories of these organizations that are sent there now, by name, as far as the viewer sees them. */
export async function listSentTo(
  db: Queries,
  targetId: string,
  organizationIds: readonly string[],
  viewer: Viewer,
): Promise<string[]> {
  const query = db
    .selectFrom('replications as replication')
    .innerJoin('repositories as repository', 'repository.id', 'replication.repository_id')
    .select('repository.name')
    .distinct()
    .where('replication.target_id', '=', targetId)
    .where('replication.state', '!=', 'stopped')
    .where(isVisibleTo(viewer))
    .orderBy('repository.name')
  const rows = await pageOfChunks(
    organizationIds,
    (chunk) => query.where('replication.organization_id', 'in', chunk).execute(),
    { limit: Number.POSITIVE_INFINITY, keyOf: ({ name }) => name, compare: (a, b) => byBytes(a.name, b.name) },
  )
  return rows.map(({ name }) => name)
}

/**
 * Removes a target. Stopped replications to it are forgotten; what is at the registry stays.
 * @throws AppError CONFLICT while a replication or a rule writes there
 */
export async function removeTarget(tx: Transaction, target: TargetRow): Promise<void> {
  const about = { reason: 'in-use', what: 'target', name: target.name } as const
  const writer = await tx
    .selectFrom('replications as replication')
    .innerJoin('repositories as repository', 'repository.id', 'replication.repository_id')
    .select(['repository.name', 'replication.target_repository as to'])
    .where('replication.target_id', '=', target.id)
    .where('replication.state', '!=', 'stopped')
    .orderBy('repository.name')
    .limit(1)
    .executeTakeFirst()
  if (writer !== undefined) {
    const message = `target ${target.name} is written to by the replication ${target.name}/${writer.to} of ${writer.name}: stop its replications first`
    throw new AppError('CONFLICT', message, { about })
  }
  const rule = await tx
    .selectFrom('replication_rules')
    .select('name_template as as')
    .where('target_id', '=', target.id)
    .limit(1)
    .executeTakeFirst()
  if (rule !== undefined) {
    const message = `target ${target.name} is written to by a rule (as ${rule.as}): stop that first`
    throw new AppError('CONFLICT', message, { about })
  }
  await tx.deleteFrom('replications').where('target_id', '=', target.id).execute()
  await tx.deleteFrom('targets').where('id', '=', target.id).execute()
}
