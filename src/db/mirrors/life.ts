/** What happens to a mirror beside its runs: paused and resumed, in the transaction of whatever is the cause. */

import { allOfChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { NewEvent } from '../platform/events.ts'
import type { MirrorPauseRow, PauseCause } from '../schema.ts'
import { findMirror, type MirrorRecord, scheduleMirror } from './mirrors.ts'

/** While one of these holds, no run begins; of the others (quota, credentials, gone) a good run is the end. */
export const REST_CAUSES = ['public', 'archived', 'hand'] as const satisfies readonly PauseCause[]

/** What people delete piece by piece has room looked for this soon, and so at most once in that time. */
const FREED_WITHIN_MS = 60_000

function isRestCause(cause: PauseCause): boolean {
  return REST_CAUSES.some((one) => one === cause)
}

export interface By {
  readonly actor: string
  readonly at: string
}

export async function listPauses(db: Queries, mirrorIds: readonly string[]): Promise<Map<string, MirrorPauseRow[]>> {
  const rows = await allOfChunks(mirrorIds, (chunk) =>
    db
      .selectFrom('mirror_pauses')
      .selectAll()
      .where('mirror_id', 'in', chunk)
      .orderBy('since')
      .orderBy('cause')
      .execute(),
  )
  return Map.groupBy(rows, (row) => row.mirror_id)
}

/** True while no run may begin and nothing may be published. */
export async function isResting(db: Queries, mirrorId: string): Promise<boolean> {
  const pauses = await db.selectFrom('mirror_pauses').select('cause').where('mirror_id', '=', mirrorId).execute()
  return pauses.some(({ cause }) => isRestCause(cause))
}

/** Mirrors that have no next run though nothing rests them: they are due now. */
export async function scheduleForgotten(tx: Transaction, at: string): Promise<void> {
  const idle = await tx
    .selectFrom('mirrors')
    .select('id')
    .where('state', '!=', 'stopped')
    .where('next_run_at', 'is', null)
    .execute()
  const ids = idle.map(({ id }) => id)
  const pauses = await listPauses(tx, ids)
  for (const id of ids) {
    if (pauses.get(id)?.some(({ cause }) => isRestCause(cause)) !== true) await scheduleMirror(tx, id, at)
  }
}

/**
 * One more cause for a mirror to be paused; `since` of one that holds already stays. A cause that rests it takes it out of the schedule.
 * @returns the event, for the end of the transaction, when the mirror was not paused before
 */
export async function pauseMirror(
  tx: Transaction,
  mirrorId: string,
  pause: By & { readonly cause: PauseCause; readonly detail?: string | null },
): Promise<NewEvent | undefined> {
  const mirror = await findMirror(tx, mirrorId)
  if (mirror === undefined || mirror.state === 'stopped') return undefined
  const { cause, detail = null, at } = pause
  const before = (await listPauses(tx, [mirrorId])).get(mirrorId) ?? []
  await tx
    .insertInto('mirror_pauses')
    .values({ mirror_id: mirrorId, cause, detail, since: at })
    .onConflict((conflict) => conflict.columns(['mirror_id', 'cause']).doUpdateSet({ detail }))
    .execute()
  if (isRestCause(cause)) {
    await tx.updateTable('mirrors').set({ next_run_at: null }).where('id', '=', mirrorId).execute()
  }
  return before.length > 0 ? undefined : eventOf('mirror.paused', mirror, pause, { cause, detail })
}

/**
 * The end of one cause. Once no other rests the mirror, it is due at once, for a full check: much may have been missed meanwhile.
 * @returns the event, for the end of the transaction, when nothing pauses it any more
 */
export async function endPause(
  tx: Transaction,
  mirrorId: string,
  end: By & { readonly causes: readonly PauseCause[]; readonly isDue?: boolean },
): Promise<NewEvent | undefined> {
  let ended = 0n
  for (const cause of end.causes) {
    const { numDeletedRows } = await tx
      .deleteFrom('mirror_pauses')
      .where('mirror_id', '=', mirrorId)
      .where('cause', '=', cause)
      .executeTakeFirst()
    ended += numDeletedRows
  }
  if (ended === 0n) return undefined
  const mirror = await findMirror(tx, mirrorId)
  if (mirror === undefined || mirror.state === 'stopped') return undefined
  const left = (await listPauses(tx, [mirrorId])).get(mirrorId) ?? []
  if (end.isDue !== false && !left.some(({ cause }) => isRestCause(cause))) {
    await tx.updateTable('mirrors').set({ next_run_at: end.at, full_due: 1 }).where('id', '=', mirrorId).execute()
  }
  return left.length > 0 ? undefined : eventOf('mirror.resumed', mirror, end, { causes: end.causes })
}

/** The mirror that feeds a repository, and those that read an upstream or belong to an organization: whom a change concerns. */
export async function listMirrorIds(
  db: Queries,
  of: { readonly repositoryId: string } | { readonly upstreamId: string } | { readonly organizationId: string },
): Promise<string[]> {
  let query = db.selectFrom('mirrors').select('id').where('state', '!=', 'stopped')
  if ('repositoryId' in of) query = query.where('repository_id', '=', of.repositoryId)
  else if ('upstreamId' in of) query = query.where('upstream_id', '=', of.upstreamId)
  else query = query.where('organization_id', '=', of.organizationId)
  return (await query.execute()).map((row) => row.id)
}

/** Ends causes of several mirrors, e.g. of all that read an upstream whose login has changed. */
export async function endPauses(
  tx: Transaction,
  mirrorIds: readonly string[],
  end: By & { readonly causes: readonly PauseCause[] },
): Promise<NewEvent[]> {
  const events: NewEvent[] = []
  for (const id of mirrorIds) {
    const event = await endPause(tx, id, end)
    if (event !== undefined) events.push(event)
  }
  return events
}

/** Room was made by a larger quota, or by what is gone: the organization's mirrors that wait for room go on. */
export async function endQuotaPauses(tx: Transaction, organizationId: string, by: By): Promise<NewEvent[]> {
  return endPauses(tx, await listQuotaPaused(tx, organizationId), { causes: ['quota'], ...by })
}

/**
 * A part of a repository is gone, which may be one of many: the organization's mirrors that wait for room are tried soon, once for all of
 * these, and a good run ends their pause.
 */
export async function hurryQuotaPaused(tx: Transaction, organizationId: string, at: string): Promise<void> {
  const soon = new Date(Date.parse(at) + FREED_WITHIN_MS).toISOString()
  for (const id of await listQuotaPaused(tx, organizationId)) {
    await tx
      .updateTable('mirrors')
      .set({ next_run_at: soon })
      .where('id', '=', id)
      .where('next_run_at', '>', soon)
      .execute()
  }
}

async function listQuotaPaused(db: Queries, organizationId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('mirrors')
    .innerJoin('mirror_pauses as pause', 'pause.mirror_id', 'mirrors.id')
    .select('mirrors.id')
    .where('mirrors.organization_id', '=', organizationId)
    .where('pause.cause', '=', 'quota')
    .where('mirrors.state', '!=', 'stopped')
    .execute()
  return rows.map(({ id }) => id)
}

export function eventOf(
  kind: NewEvent['kind'],
  mirror: MirrorRecord,
  { actor, at }: By,
  payload: Readonly<Record<string, unknown>> = {},
): NewEvent {
  const { organization_id: organizationId, repository_id: repositoryId, repository, upstream } = mirror
  const source = `${upstream}/${mirror.source_repository}`
  return {
    kind,
    organizationId,
    repositoryId,
    actor,
    at,
    payload: { repository, mirrorId: mirror.id, source, ...payload },
  }
}
