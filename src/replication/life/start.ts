/** What has to be true before a replication begins, and the row that it begins with. */
import type { Queries, Transaction } from '../../db/engine/engine.ts'
import { findOrganization } from '../../db/people/organizations.ts'
import { appendEvents } from '../../db/platform/events.ts'
import { replicationEvent } from '../../db/replication/life.ts'
import {
  createReplication,
  findReplication,
  findReplicationOf,
  type ReplicationRecord,
  restartReplication,
} from '../../db/replication/replications.ts'
import { findTarget } from '../../db/replication/targets.ts'
import { findRepository } from '../../db/repositories/repositories.ts'
import type { OrganizationRow, RepositoryRow, TargetRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { splitRepositoryName } from '../../oci/reference.ts'
import type { ReplicationStart } from '../engine.ts'
import { refuseNoWebhook } from './after-webhook.ts'
import { changedReplication, replicationSettings } from './settings.ts'

/** A request to start, checked against what is here. */
export interface StartOf {
  readonly organization: OrganizationRow
  readonly repository: RepositoryRow
  readonly target: TargetRow
  /** The stopped one that goes on. */
  readonly stopped: ReplicationRecord | undefined
}

/** @throws AppError NOT_FOUND, CONFLICT when it is there already */
export async function findStart(db: Queries, request: ReplicationStart): Promise<StartOf> {
  const { organization: name = '' } = splitRepositoryName(request.repository) ?? {}
  const organization = await findOrganization(db, name)
  const repository = await findRepository(db, request.repository)
  if (organization === undefined || repository === undefined) {
    throw new AppError('NOT_FOUND', `there is no repository ${request.repository}`, {
      about: { reason: 'absent', what: 'repository', name: request.repository },
    })
  }
  const target = await findTarget(db, organization.id, request.target)
  if (target === undefined) {
    throw new AppError('NOT_FOUND', `${organization.name} has no target ${request.target}: add it first`, {
      about: { reason: 'absent', what: 'target', name: request.target },
    })
  }
  const key = { repository_id: repository.id, target_id: target.id, target_repository: request.targetRepository }
  const present = await findReplicationOf(db, key)
  if (present !== undefined && present.state !== 'stopped') throw taken(request)
  const { after } = request.settings ?? {}
  if (typeof after === 'string') {
    const of = { organization_id: organization.id, repository_id: repository.id, repository: repository.name }
    await refuseNoWebhook(db, of, after)
  }
  return { organization, repository, target, stopped: present }
}

function taken({ repository, target, targetRepository }: ReplicationStart): AppError {
  const name = `${target}/${targetRepository}`
  return new AppError('CONFLICT', `${repository} is replicated to ${name} already`, {
    about: { reason: 'taken', what: 'replication', name },
  })
}

/** @throws AppError CONFLICT when somebody was faster */
export async function insertStart(
  tx: Transaction,
  { organization, repository, target }: StartOf,
  request: ReplicationStart & { readonly by: string; readonly ruleId?: string | null | undefined },
  at: string,
): Promise<ReplicationRecord> {
  const key = { repository_id: repository.id, target_id: target.id, target_repository: request.targetRepository }
  const present = await findReplicationOf(tx, key)
  if (present !== undefined && present.state !== 'stopped') throw taken(request)
  const before = present === undefined ? {} : replicationSettings(present)
  const settings = JSON.stringify(changedReplication(before, request.settings ?? {}))
  const ruleId = request.ruleId ?? null
  if (present !== undefined) await restartReplication(tx, present.id, { settings, ruleId, at })
  const row = { organization_id: organization.id, ...key, rule_id: ruleId, settings, at }
  const id = present?.id ?? (await createReplication(tx, row)).id
  const record = await findReplication(tx, id)
  if (record === undefined) throw new Error(`replication ${id} is gone`)
  await appendEvents(tx, [replicationEvent('replication.started', record, { actor: request.by, at })])
  return record
}
