/** Webhooks of an organization that no longer reach anybody. */
import type { Queries } from '../engine/engine.ts'

export interface WebhookTrouble {
  readonly name: string
  /** Null: of the whole organization. */
  readonly repository: string | null
  /** Why the server gave it up; null: it still tries. */
  readonly disabledReason: string | null
  readonly since: string
}

/**
 * Those that the server has disabled, and those that have failed since `failingBefore` or longer; the longest first.
 * @param o.ofOrganization those of the whole organization too
 */
export async function listWebhookTroubles(
  db: Queries,
  organizationId: string,
  o: { readonly ofOrganization: boolean; readonly failingBefore: string; readonly limit: number },
): Promise<WebhookTrouble[]> {
  let query = db
    .selectFrom('webhooks as webhook')
    .leftJoin('repositories as repository', 'repository.id', 'webhook.repository_id')
    .select([
      'webhook.name',
      'repository.name as repository',
      'webhook.disabled_reason as disabledReason',
      'webhook.failing_since as failingSince',
      'webhook.updated_at as updatedAt',
    ])
    .where('webhook.organization_id', '=', organizationId)
    .where((eb) =>
      eb.or([
        eb('webhook.disabled_reason', 'is not', null),
        eb.and([eb('webhook.enabled', '=', 1), eb('webhook.failing_since', '<', o.failingBefore)]),
      ]),
    )
    .orderBy('webhook.updated_at')
    .orderBy('webhook.id')
    .limit(o.limit)
  if (!o.ofOrganization) query = query.where('webhook.repository_id', 'is not', null)
  return (await query.execute()).map(({ failingSince, updatedAt, ...row }) => ({
    ...row,
    since: failingSince ?? updatedAt,
  }))
}
