import { createHash } from 'node:crypto'
import type { Queries } from '../engine/engine.ts'
import type { Snapshot } from '../platform/audited-change.ts'
import { findWebhook, listWebhooksById } from './webhooks.ts'

/**
 * What the audit log shows of a webhook. No secret is among it: of headers their names, and what tells one set of values
 * from another; of the secret until when an old one signs too.
 */
export async function webhookState(db: Queries, ownerId: string, name: string): Promise<Snapshot | undefined> {
  const row = await findWebhook(db, ownerId, name)
  if (row === undefined) return undefined
  const [leader] = row.after_id === null ? [] : await listWebhooksById(db, [row.after_id])
  return {
    key: row.id,
    state: {
      url: row.url,
      repositories: JSON.parse(row.repositories),
      events: JSON.parse(row.events),
      tags: JSON.parse(row.tags),
      headers: JSON.parse(row.header_names),
      headersKept: row.sealed_headers === null ? null : fingerprintOf(row.sealed_headers),
      format: row.format,
      after: leader?.name ?? null,
      changedOnly: row.changed_only === 1,
      plainHttp: row.plain_http === 1,
      coalesce: row.coalesce_moves === 1,
      initialSync: row.initial_sync,
      enabled: row.enabled === 1,
      oldSecretUntil: row.old_secret_until,
    },
  }
}

/** Of what is sealed anew each time it is set: it tells nothing of the text. */
function fingerprintOf(sealed: string): string {
  return createHash('sha256').update(sealed).digest('hex').slice(0, 12)
}
