import { AppError } from '../../errors.ts'
import { newId } from '../../lib/ids.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import { appendEvents } from '../platform/events.ts'
import type { RepositoryRow } from '../schema.ts'

const readByName = prepareQuery((db, value: Value<{ name: RepositoryName }>) =>
  db.selectFrom('repositories').selectAll().where('name', '=', value('name')),
)

export async function findRepository(db: Queries, name: RepositoryName): Promise<RepositoryRow | undefined> {
  const [row] = await readByName(db, { name })
  return row
}

export async function findRepositoryById(db: Queries, id: string): Promise<RepositoryRow | undefined> {
  return db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirst()
}

export interface NewRepository {
  readonly organizationId: string
  readonly name: RepositoryName
  readonly visibility?: 'private' | 'public'
  readonly description?: string
  readonly actor: string
  readonly at: string
}

const readEnded = prepareQuery((db, value: Value<{ organizationId: string }>) =>
  db
    .selectFrom('organizations')
    .select('id')
    .where('id', '=', value('organizationId'))
    .where('deleted_at', 'is not', null),
)

/**
 * Makes the repository unless it is there; private unless said otherwise. `isNew` tells which.
 * @throws AppError NOT_FOUND in an organization that is being deleted
 */
export async function createRepository(
  tx: Transaction,
  repository: NewRepository,
): Promise<{ row: RepositoryRow; isNew: boolean }> {
  const [ended] = await readEnded(tx, { organizationId: repository.organizationId })
  if (ended !== undefined) throw new AppError('NOT_FOUND', `there is no organization for ${repository.name}`)
  // Nearly every write finds it there, and an insert that does nothing takes as long as one that does.
  const known = await findRepository(tx, repository.name)
  if (known !== undefined) return { row: known, isNew: false }
  const row: RepositoryRow = {
    id: newId(),
    organization_id: repository.organizationId,
    name: repository.name,
    visibility: repository.visibility ?? 'private',
    description: repository.description ?? '',
    allow_sparse: 0,
    immutable_tags: 'none',
    immutable_patterns: '[]',
    archived_at: null,
    keep_superseded_newest: null,
    keep_superseded_days: null,
    keep_superseded_days_after_pull: null,
    created_at: repository.at,
    updated_at: repository.at,
  }
  const made = await tx
    .insertInto('repositories')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returningAll()
    .executeTakeFirst()
  if (made === undefined) {
    const present = await tx
      .selectFrom('repositories')
      .selectAll()
      .where('name', '=', repository.name)
      .executeTakeFirstOrThrow()
    return { row: present, isNew: false }
  }
  await appendEvents(tx, [
    {
      kind: 'repository.created',
      organizationId: made.organization_id,
      repositoryId: made.id,
      actor: repository.actor,
      at: repository.at,
      payload: { name: made.name },
    },
  ])
  return { row: made, isNew: true }
}
