// A webhook as replications see it: a row of that name, which nothing is posted for here.
import type { Database } from '../../src/db/engine/engine.ts'
import { newId } from '../../src/lib/ids.ts'

/** Of the only repository. @returns its id */
export async function addWebhookRow(db: Database, name: string): Promise<string> {
  const { organization_id, id: repository_id } = await db.read
    .selectFrom('repositories')
    .selectAll()
    .executeTakeFirstOrThrow()
  const at = new Date().toISOString()
  const id = newId()
  await db.write((tx) =>
    tx
      .insertInto('webhooks')
      .values({
        ...{ id, organization_id, repository_id, owner_id: repository_id, name },
        ...{ url: 'https://scan.example', repositories: '[]', events: '[]', tags: '[]', changed_only: 0 },
        ...{ header_names: '[]', sealed_headers: null, sealed_secret: '', sealed_old_secret: null },
        ...{ old_secret_until: null, format: 'hub', after_id: null, plain_http: 0, coalesce_moves: 0 },
        ...{ initial_sync: 'each', enabled: 1, disabled_reason: null, failing_since: null, from_seq: 0 },
        ...{ created_by: 'user:test', created_at: at, updated_at: at },
      })
      .execute(),
  )
  return id
}
