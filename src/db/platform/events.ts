import type { Selectable } from 'kysely'
import { newId } from '../../lib/ids.ts'
import type { Chunk } from '../engine/chunks.ts'
import { lockEventLog, type Queries, type Transaction } from '../engine/engine.ts'
import { prepareRows } from '../engine/prepared.ts'
import type { EventRow } from '../schema.ts'

/** Registered by the issue that creates them; consumers read them by cursor. */
export type EventKind =
  | 'tag.moved'
  | 'tag.pushed'
  | 'tag.restored'
  | 'tag.removed'
  | 'tag.excluded'
  | 'tag.pinned'
  | 'tag.released'
  | 'referrers.published'
  | 'referrers.removed'
  | 'mirror.started'
  | 'mirror.synced'
  | 'mirror.paused'
  | 'mirror.resumed'
  | 'mirror.degraded'
  | 'mirror.recovered'
  | 'mirror.behind'
  | 'mirror.caught-up'
  | 'mirror.changed'
  | 'mirror.stopped'
  | 'replication.started'
  | 'replication.synced'
  | 'replication.paused'
  | 'replication.resumed'
  | 'replication.degraded'
  | 'replication.recovered'
  | 'replication.drifted'
  | 'replication.changed'
  | 'replication.stopped'
  | 'subscription.started'
  | 'subscription.changed'
  | 'subscription.degraded'
  | 'subscription.paused'
  | 'subscription.recovered'
  | 'subscription.stopped'
  | 'repository.created'
  | 'repository.changed'
  | 'repository.deleted'
  | 'webhook.disabled'
  | 'webhook.test'

export interface NewEvent {
  readonly kind: EventKind
  readonly organizationId: string
  readonly repositoryId: string | null
  /** Who did it: `user:<name>`, `mirror:<id>`, `subscription:<id>` or `system`. */
  readonly actor: string
  readonly at: string
  readonly payload: Readonly<Record<string, unknown>>
}

/** Appends in the caller's transaction, as its last step: on PostgreSQL the log's lock is held until the commit. */
export async function appendEvents(tx: Transaction, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return
  await lockEventLog(tx)
  await insertEvents(
    tx,
    events.map((event) => ({
      id: newId(),
      kind: event.kind,
      organization_id: event.organizationId,
      repository_id: event.repositoryId,
      actor: event.actor,
      at: event.at,
      payload: JSON.stringify(event.payload),
    })),
  )
}

const insertEvents = prepareRows((db, chunk: Chunk<Omit<Selectable<EventRow>, 'seq'>>) =>
  db.insertInto('events').values(chunk),
)

/** Events after `seq`, oldest first. */
export async function listEvents(db: Queries, after: number, limit: number): Promise<Selectable<EventRow>[]> {
  return db.selectFrom('events').selectAll().where('seq', '>', after).orderBy('seq').limit(limit).execute()
}

/** Events of one kind after `after` and up to `upTo`, oldest first. */
export async function listEventsOfKind(
  db: Queries,
  kind: EventKind,
  o: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<Selectable<EventRow>[]> {
  return db
    .selectFrom('events')
    .selectAll()
    .where('seq', '>', o.after)
    .where('seq', '<=', o.upTo)
    .where('kind', '=', kind)
    .orderBy('seq')
    .limit(o.limit)
    .execute()
}
