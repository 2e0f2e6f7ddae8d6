/** What the audit log shows of targets and replications, before and after a change. No secret is among it, nor what passes change. */
import { createHash } from 'node:crypto'
import type { Queries } from '../engine/engine.ts'
import type { Snapshot } from '../platform/audited-change.ts'
import { findTarget, signInOf, targetRatesOf } from './targets.ts'

export async function targetState(
  db: Queries,
  organizationId: string | null,
  name: string,
): Promise<Snapshot | undefined> {
  const row = await findTarget(db, organizationId, name)
  if (row === undefined || row.organization_id !== organizationId) return undefined
  const state = {
    url: row.url,
    kind: row.kind,
    signIn: signInOf(row),
    username: row.username,
    password: row.sealed_password === null ? null : 'set',
    ca: row.ca === null ? null : `sha256:${createHash('sha256').update(row.ca).digest('hex')}`,
    plainHttp: row.plain_http === 1,
    maxRate: targetRatesOf(row),
  }
  return { key: row.id, state, hidden: row.sealed_password }
}

/** What people decide of it. @param id of the replication */
export async function replicationState(db: Queries, id: string): Promise<Snapshot | undefined> {
  const row = await stateQuery(db).where('replication.id', '=', id).executeTakeFirst()
  return row && snapshotOf(db, row)
}

/** The same by where it goes. @param to name of the target, and the repository there */
export async function replicationStateTo(
  db: Queries,
  repository: string,
  to: { readonly target: string; readonly repository: string },
): Promise<Snapshot | undefined> {
  const row = await stateQuery(db)
    .where('ours.name', '=', repository)
    .where('target.name', '=', to.target)
    .where('replication.target_repository', '=', to.repository)
    .executeTakeFirst()
  return row && snapshotOf(db, row)
}

/** The newest run that people asked for: that one was begun is the change. @param id of the replication */
export async function replicationRunState(db: Queries, id: string): Promise<Snapshot | undefined> {
  const replication = await stateQuery(db).where('replication.id', '=', id).executeTakeFirst()
  if (replication === undefined) return undefined
  const run = await db
    .selectFrom('replication_runs')
    .select(['id', 'full', 'tags'])
    .where('replication_id', '=', id)
    .where('trigger', 'in', ['start', 'sync'])
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirst()
  if (run === undefined) return undefined
  const tags = run.tags === null ? null : (JSON.parse(run.tags) as unknown)
  return { object: objectOf(replication), key: run.id, state: { run: run.id, full: run.full === 1, tags } }
}

function stateQuery(db: Queries) {
  return db
    .selectFrom('replications as replication')
    .innerJoin('targets as target', 'target.id', 'replication.target_id')
    .innerJoin('repositories as ours', 'ours.id', 'replication.repository_id')
    .select(['replication.id', 'replication.state', 'replication.settings', 'replication.target_repository'])
    .select(['target.name as target', 'ours.name as repository'])
}

type State = NonNullable<Awaited<ReturnType<ReturnType<typeof stateQuery>['executeTakeFirst']>>>

function objectOf({ repository, target, target_repository: there }: State): string {
  return `replication:${repository} ${target}/${there}`
}

async function snapshotOf(db: Queries, row: State): Promise<Snapshot> {
  const pauses = await db
    .selectFrom('replication_pauses')
    .select('cause')
    .where('replication_id', '=', row.id)
    .orderBy('cause')
    .execute()
  const state = {
    stopped: row.state === 'stopped',
    paused: pauses.map(({ cause }) => cause),
    settings: JSON.parse(row.settings) as unknown,
  }
  return { object: objectOf(row), key: row.id, state }
}

/** @param id of the rule */
export async function ruleState(db: Queries, id: string): Promise<Snapshot | undefined> {
  const row = await ruleQuery(db).where('rule.id', '=', id).executeTakeFirst()
  return row && ruleSnapshot(row)
}

/** The newest that an organization has to a target, which is named. */
export async function newestRuleState(
  db: Queries,
  organizationId: string,
  target: string,
): Promise<Snapshot | undefined> {
  const row = await ruleQuery(db)
    .where('rule.organization_id', '=', organizationId)
    .where('target.name', '=', target)
    .orderBy('rule.created_at', 'desc')
    .orderBy('rule.id', 'desc')
    .executeTakeFirst()
  return row && ruleSnapshot(row)
}

function ruleQuery(db: Queries) {
  return db
    .selectFrom('replication_rules as rule')
    .innerJoin('targets as target', 'target.id', 'rule.target_id')
    .select(['rule.id', 'rule.globs', 'rule.name_template', 'rule.settings', 'target.name as target'])
}

function ruleSnapshot(row: {
  readonly id: string
  readonly globs: string
  readonly name_template: string
  readonly settings: string
  readonly target: string
}): Snapshot {
  const state = {
    target: row.target,
    match: JSON.parse(row.globs) as unknown,
    as: row.name_template,
    settings: JSON.parse(row.settings) as unknown,
  }
  return { object: `replication-rule:${row.id}`, key: row.id, state }
}
