import { dischargeRepository } from '../content/quota.ts'
import type { Transaction } from '../engine/engine.ts'
import { removeGrantsOn } from '../people/team-grants.ts'
import { appendEvents, type NewEvent } from '../platform/events.ts'
import type { RepositoryRow } from '../schema.ts'
import { endPause, endQuotaPauses, listMirrorIds, pauseMirror } from './life.ts'

/** What is absent stays as it is. */
export interface RepositoryChange {
  readonly visibility?: RepositoryRow['visibility'] | undefined
  readonly description?: string | undefined
  readonly allowSparse?: boolean | undefined
  readonly immutableTags?: RepositoryRow['immutable_tags'] | undefined
  readonly immutablePatterns?: readonly string[] | undefined
  readonly archived?: boolean | undefined
  /** Null: as the server's settings say. */
  readonly keepSuperseded?: KeepSuperseded | undefined
}

export interface KeepSuperseded {
  readonly newest?: number | null | undefined
  readonly days?: number | null | undefined
  readonly daysAfterPull?: number | null | undefined
}

/**
 * Changes settings of a repository, with its event. A mirror that feeds it is paused in the same transaction when the repository is made
 * public (copies stay private, or get no more updates) or is archived, and goes on with a full check once neither holds.
 */
export async function changeRepository(
  tx: Transaction,
  repository: RepositoryRow,
  change: RepositoryChange,
  by: { readonly actor: string; readonly at: string },
): Promise<RepositoryRow> {
  const row = await tx
    .updateTable('repositories')
    .set({
      ...(change.visibility === undefined ? {} : { visibility: change.visibility }),
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(change.allowSparse === undefined ? {} : { allow_sparse: change.allowSparse ? 1 : 0 }),
      ...(change.immutableTags === undefined ? {} : { immutable_tags: change.immutableTags }),
      ...(change.immutablePatterns === undefined
        ? {}
        : { immutable_patterns: JSON.stringify(change.immutablePatterns) }),
      ...(change.archived === undefined
        ? {}
        : { archived_at: change.archived ? (repository.archived_at ?? by.at) : null }),
      ...keptOf(change.keepSuperseded),
      updated_at: by.at,
    })
    .where('id', '=', repository.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const mirrors = await listMirrorIds(tx, { repositoryId: row.id })
  const events: (NewEvent | undefined)[] = []
  for (const id of mirrors) {
    const holds = { public: row.visibility === 'public', archived: row.archived_at !== null }
    for (const cause of ['public', 'archived'] as const) {
      if (holds[cause]) events.push(await pauseMirror(tx, id, { cause, ...by }))
      else events.push(await endPause(tx, id, { causes: [cause], ...by }))
    }
  }
  const { description: _, ...settings } = change
  await appendEvents(tx, [
    ...events.flatMap((event) => event ?? []),
    {
      kind: 'repository.changed',
      organizationId: row.organization_id,
      repositoryId: row.id,
      actor: by.actor,
      at: by.at,
      payload: { name: row.name, change: settings },
    },
  ])
  return row
}

function keptOf({ newest, days, daysAfterPull }: KeepSuperseded = {}) {
  return {
    ...(newest === undefined ? {} : { keep_superseded_newest: newest }),
    ...(days === undefined ? {} : { keep_superseded_days: days }),
    ...(daysAfterPull === undefined ? {} : { keep_superseded_days_after_pull: daysAfterPull }),
  }
}

/**
 * Deletes a repository with everything that only it holds; a mirror that feeds it goes with it, and others that wait for room go on. Blobs
 * are collected later.
 */
export async function deleteRepository(
  tx: Transaction,
  repository: RepositoryRow,
  by: { readonly actor: string; readonly at: string },
): Promise<void> {
  await dischargeRepository(tx, repository.id)
  await removeGrantsOn(tx, repository.name)
  await tx.deleteFrom('mirrors').where('repository_id', '=', repository.id).execute()
  await tx.deleteFrom('repositories').where('id', '=', repository.id).execute()
  const resumed = await endQuotaPauses(tx, repository.organization_id, by)
  await appendEvents(tx, [
    ...resumed,
    {
      kind: 'repository.deleted',
      organizationId: repository.organization_id,
      repositoryId: repository.id,
      actor: by.actor,
      at: by.at,
      payload: { name: repository.name },
    },
  ])
}
