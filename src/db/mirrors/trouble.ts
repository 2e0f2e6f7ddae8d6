/** What is wrong in the database itself, and what has been failing for long. */
import { sql } from 'kysely'
import type { Database, Queries } from '../engine/engine.ts'
import type { TargetRow } from '../schema.ts'

/** @returns what its engine finds wrong, in its words; on PostgreSQL, whether it is one that is supported */
export async function checkIntegrity({ engine, read }: Database): Promise<string[]> {
  if (engine === 'sqlite') {
    const { rows } = await sql<{ quick_check: string }>`pragma quick_check(20)`.execute(read)
    const broken = rows.map((row) => row.quick_check).filter((text) => text !== 'ok')
    const { rows: foreign } = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(read)
    const tables = new Set(
      foreign.map(({ table, parent }) => `${table} refers to rows of ${parent} that are not there`),
    )
    return [...broken.map((text) => `quick_check: ${text}`), ...tables]
  }
  const { rows } = await sql<{ version: string; encoding: string; stale: boolean | null }>`
    select current_setting('server_version_num') as version, pg_encoding_to_char(encoding) as encoding,
      (datcollversion is not null and datcollversion <> pg_database_collation_actual_version(oid)) as stale
    from pg_database where datname = current_database()`.execute(read)
  const [row] = rows
  if (row === undefined) return ['it does not tell its version']
  return [
    ...(Number(row.version) < MIN_POSTGRES ? [`PostgreSQL ${row.version}: want 14 or later`] : []),
    ...(row.encoding !== 'UTF8' ? [`its encoding is ${row.encoding}, want UTF8`] : []),
    ...(row.stale === true
      ? ['its collation has changed: REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION']
      : []),
  ]
}

const MIN_POSTGRES = 140_000

/** The clock of the database's machine, in milliseconds since 1970. */
export async function readDatabaseTime({ engine, read }: Database): Promise<number> {
  const { rows } =
    engine === 'sqlite'
      ? await sql<{ ms: number }>`select (julianday('now') - 2440587.5) * 86400000.0 as ms`.execute(read)
      : await sql<{ ms: number }>`select extract(epoch from clock_timestamp()) * 1000 as ms`.execute(read)
  return Number(rows[0]?.ms)
}

export interface LongTrouble {
  readonly mirrors: readonly { readonly repository: string; readonly why: string }[]
  readonly webhooks: readonly { readonly organization: string; readonly name: string; readonly why: string }[]
  /** Keys. */
  readonly leases: readonly string[]
}

/** What people have to look at, the first `limit` of each. @param before ISO 8601: it has been so since then, or longer */
export async function listLongTrouble(db: Queries, before: string, limit: number): Promise<LongTrouble> {
  const paused = await db
    .selectFrom('mirror_pauses as pause')
    .innerJoin('mirrors as mirror', 'mirror.id', 'pause.mirror_id')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select(['repository.name as repository', 'pause.cause'])
    .where('pause.since', '<', before)
    .where('mirror.state', '!=', 'stopped')
    .orderBy('repository.name')
    .limit(limit)
    .execute()
  const degraded = await db
    .selectFrom('mirrors as mirror')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select(['repository.name as repository', 'mirror.reason'])
    .where('mirror.state', '=', 'degraded')
    .where('mirror.since', '<', before)
    .orderBy('repository.name')
    .limit(limit)
    .execute()
  const webhooks = await db
    .selectFrom('webhooks as webhook')
    .innerJoin('organizations as organization', 'organization.id', 'webhook.organization_id')
    .select(['webhook.name', 'organization.name as organization', 'webhook.disabled_reason', 'webhook.failing_since'])
    .where((eb) => eb.or([eb('webhook.disabled_reason', 'is not', null), eb('webhook.failing_since', '<', before)]))
    .orderBy('organization.name')
    .limit(limit)
    .execute()
  const leases = await db
    .selectFrom('leases')
    .select('key')
    .where('holder', 'is not', null)
    .where('expires_at', '<', before)
    .where('key', 'not like', 'server:%')
    .orderBy('key')
    .limit(limit)
    .execute()
  return {
    mirrors: [
      ...paused.map(({ repository, cause }) => ({ repository, why: `paused (${cause})` })),
      ...degraded.map(({ repository, reason }) => ({ repository, why: reason ?? 'degraded' })),
    ],
    webhooks: webhooks.map(({ organization, name, disabled_reason: why, failing_since: since }) => ({
      ...{ organization, name },
      why: why ?? `no attempt has succeeded since ${since}`,
    })),
    leases: leases.map(({ key }) => key),
  }
}

/** The oldest `limit` of all, for operators. `organization` is its name; null: shared. */
export async function listOldestTargets(
  db: Queries,
  limit: number,
): Promise<(TargetRow & { organization: string | null })[]> {
  return db
    .selectFrom('targets as target')
    .leftJoin('organizations as organization', 'organization.id', 'target.organization_id')
    .selectAll('target')
    .select('organization.name as organization')
    .orderBy('target.created_at')
    .orderBy('target.id')
    .limit(limit)
    .execute()
}
