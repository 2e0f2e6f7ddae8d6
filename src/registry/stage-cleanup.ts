/** What crashes leave half-way on the disk and in the count of an organization's bytes. */
import type { BlobStore } from '../blobs/blob-store.ts'
import { listOldReservations, settleStage } from '../db/content/quota.ts'
import { listKnownUploadSessions } from '../db/content/upload-sessions.ts'
import type { Database, Queries } from '../db/engine/engine.ts'

const BATCH = 500
/** Of a UUID. */
const SESSION_ID_LENGTH = 36

/** A session's first stage is named after it; those that take over have something behind it. */
export const firstStage = (prefix: string, session: string): string => `${prefix}${session}`
const sessionOf = (stageId: string, prefix: string) => stageId.slice(prefix.length).slice(0, SESSION_ID_LENGTH)

/** Removes the stages of uploads that a crash has left without a session. @param prefix of their ids */
export async function removeAbandonedStages(
  db: Queries,
  blobs: BlobStore,
  prefix: string,
  idleSince: Date,
): Promise<void> {
  for await (const { id, modifiedAt } of blobs.listStages()) {
    if (!id.startsWith(prefix) || modifiedAt >= idleSince) continue
    const session = sessionOf(id, prefix)
    const known = (await listKnownUploadSessions(db, [session])).get(session)
    if (known !== undefined && (known ?? firstStage(prefix, session)) === id) continue
    const stage = await blobs.openStage(id)
    await stage.discard()
  }
}

/**
 * Room that was set aside long ago: an upload's is counted by its session, if there is one; a download that was cut off takes
 * what is really there of it.
 * @param now ISO 8601, as `before`
 */
export async function settleOldReservations(
  db: Database,
  blobs: BlobStore,
  uploadPrefix: string,
  { before, now }: { readonly before: string; readonly now: string },
): Promise<void> {
  const kept = new Set<string>()
  for (const id of await listOldReservations(db.read, before, BATCH)) {
    if (!id.startsWith(uploadPrefix)) kept.add(id)
    else await db.write((tx) => settleStage(tx, id, 0))
  }
  for (const id of kept) {
    const bytes = await blobs.measureStage(id)
    await db.write((tx) => settleStage(tx, id, bytes, now))
  }
}
