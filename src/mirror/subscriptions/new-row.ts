import { changedSettings } from '../../api/mirror-settings.ts'
import type { OrganizationRow, SubscriptionRow, UpstreamRow } from '../../db/schema.ts'
import { newId } from '../../lib/ids.ts'
import { columnsOf } from './selection.ts'
import type { SubscriptionStart } from './subscriptions.ts'

/** A subscription as it begins. */
export function newRow(
  request: SubscriptionStart,
  o: {
    readonly organization: OrganizationRow
    readonly upstream: UpstreamRow
    readonly at: string
    readonly nextReadAt: string
  },
): SubscriptionRow {
  const { organization, upstream, at, nextReadAt } = o
  const { match, except, repositories = null } = request
  return {
    id: newId(),
    organization_id: organization.id,
    upstream_id: upstream.id,
    ...columnsOf({ match, except, repositories }),
    adopt: request.adopt ? 1 : 0,
    settings: JSON.stringify(changedSettings({}, request.settings ?? {})),
    state: 'active',
    cause: null,
    problem: null,
    reason: null,
    since: at,
    created_at: at,
    listed: null,
    read_at: at,
    next_read_at: nextReadAt,
    failed_reads: 0,
    accept_shrink: 0,
    first_runs_until: null,
    version: 1,
    work_due: 1,
    pending: null,
  }
}
