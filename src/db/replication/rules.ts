/** Rules by which repositories of an organization are replicated, those that come later too. */
import { newId } from '../../lib/ids.ts'
import { byBytes, pageOfChunks } from '../engine/chunks.ts'
import { formatCursor, parseCursor } from '../engine/cursor.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { ReplicationRuleRow } from '../schema.ts'

/** A rule with the names that people know it by. */
export interface RuleRecord extends ReplicationRuleRow {
  readonly organization: string
  readonly target: string
  /** Those that it has made and that were not stopped. */
  readonly replications: number
}

function ruleQuery(db: Queries) {
  return db
    .selectFrom('replication_rules as rule')
    .innerJoin('organizations as organization', 'organization.id', 'rule.organization_id')
    .innerJoin('targets as target', 'target.id', 'rule.target_id')
    .selectAll('rule')
    .select(['organization.name as organization', 'target.name as target'])
    .select((eb) =>
      eb
        .selectFrom('replications as made')
        .select((inner) => inner.fn.countAll<number>().as('number'))
        .whereRef('made.rule_id', '=', 'rule.id')
        .where('made.state', '!=', 'stopped')
        .as('replications'),
    )
    .$castTo<RuleRecord>()
}

export async function findRule(db: Queries, id: string): Promise<RuleRecord | undefined> {
  return ruleQuery(db).where('rule.id', '=', id).executeTakeFirst()
}

export function ruleCursor(row: { readonly createdAt: string; readonly id: string }): string {
  return formatCursor([row.createdAt, row.id])
}

/** Oldest first. @param o.organizationIds undefined: all @param o.after see ruleCursor @throws AppError INVALID_REQUEST when it is none */
export async function listRules(
  db: Queries,
  o: {
    readonly organizationIds?: readonly string[] | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<RuleRecord[]> {
  const after = o.after === undefined ? undefined : parseCursor(o.after)
  let query = ruleQuery(db).orderBy('rule.created_at').orderBy('rule.id').limit(o.limit)
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('rule.created_at', '>', after[0]),
        eb.and([eb('rule.created_at', '=', after[0]), eb('rule.id', '>', after[1])]),
      ]),
    )
  }
  if (o.organizationIds === undefined) return query.execute()
  return pageOfChunks(o.organizationIds, (chunk) => query.where('rule.organization_id', 'in', chunk).execute(), {
    limit: o.limit,
    keyOf: ({ id }) => id,
    compare: (a, b) => byBytes(a.created_at, b.created_at) || byBytes(a.id, b.id),
  })
}

export async function createRule(
  tx: Transaction,
  rule: Omit<ReplicationRuleRow, 'id' | 'reason' | 'checked_at'>,
): Promise<ReplicationRuleRow> {
  return tx
    .insertInto('replication_rules')
    .values({ id: newId(), reason: null, checked_at: null, ...rule })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** One that asks for the same of the same target. */
export async function findSameRule(
  db: Queries,
  rule: Pick<ReplicationRuleRow, 'organization_id' | 'target_id' | 'globs' | 'name_template'>,
): Promise<ReplicationRuleRow | undefined> {
  return db
    .selectFrom('replication_rules')
    .selectAll()
    .where('organization_id', '=', rule.organization_id)
    .where('target_id', '=', rule.target_id)
    .where('globs', '=', rule.globs)
    .where('name_template', '=', rule.name_template)
    .executeTakeFirst()
}

/** Its replications go on alone. */
export async function removeRule(tx: Transaction, id: string): Promise<void> {
  await tx.updateTable('replications').set({ rule_id: null }).where('rule_id', '=', id).execute()
  await tx.deleteFrom('replication_rules').where('id', '=', id).execute()
}

export async function setRuleLooked(
  tx: Transaction,
  id: string,
  o: { readonly reason: string | null; readonly at: string },
): Promise<void> {
  await tx.updateTable('replication_rules').set({ reason: o.reason, checked_at: o.at }).where('id', '=', id).execute()
}

export async function setRuleOf(tx: Transaction, replicationId: string, ruleId: string): Promise<void> {
  await tx
    .updateTable('replications')
    .set({ rule_id: ruleId })
    .where('id', '=', replicationId)
    .where((eb) => eb.exists(eb.selectFrom('replication_rules').select('id').where('id', '=', ruleId)))
    .execute()
}

/** Repositories of an organization by name, with where each is sent to at the target. */
export async function listReplicable(
  db: Queries,
  o: {
    readonly organizationId: string
    readonly targetId: string
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<{ id: string; name: string; places: { repository: string; isStopped: boolean }[] }[]> {
  const repositories = await db
    .selectFrom('repositories')
    .select(['id', 'name'])
    .where('organization_id', '=', o.organizationId)
    .where('name', '>', o.after ?? '')
    .orderBy('name')
    .limit(o.limit)
    .execute()
  const last = repositories.at(-1)?.name
  if (last === undefined) return []
  const sent = await db
    .selectFrom('replications')
    .innerJoin('repositories', 'repositories.id', 'replications.repository_id')
    .select(['replications.repository_id', 'replications.target_repository', 'replications.state'])
    .where('replications.target_id', '=', o.targetId)
    .where('repositories.organization_id', '=', o.organizationId)
    .where('repositories.name', '>', o.after ?? '')
    .where('repositories.name', '<=', last)
    .execute()
  const places = Map.groupBy(sent, ({ repository_id: id }) => id)
  return repositories.map(({ id, name }) => ({
    id,
    name,
    places: (places.get(id) ?? []).map(({ target_repository: repository, state }) => ({
      repository,
      isStopped: state === 'stopped',
    })),
  }))
}
