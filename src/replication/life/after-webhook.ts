/** The webhook that a replication is to wait for is there when it is named. */
import type { Queries } from '../../db/engine/engine.ts'
import { findAfterWebhook } from '../../db/replication/after.ts'
import type { ReplicationRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'

type Sent = Pick<ReplicationRow, 'organization_id' | 'repository_id'> & { readonly repository: string }

/** @throws AppError NOT_FOUND; one of another organization is not there */
export async function refuseNoWebhook(db: Queries, of: Sent, name: string): Promise<void> {
  const ids = { organizationId: of.organization_id, repositoryId: of.repository_id }
  if ((await findAfterWebhook(db, ids, name)) !== undefined) return
  const [organization = ''] = of.repository.split('/')
  const message = `after: got ${name}, want a webhook of ${of.repository} or of ${organization}: there is none of that name`
  throw new AppError('NOT_FOUND', message, { about: { reason: 'absent', what: 'webhook', name } })
}
