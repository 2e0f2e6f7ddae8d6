/** Reads the event log, and makes due what goes by it. Of several servers, the one that moves the cursor says so. */
import type { Database } from '../../db/engine/engine.ts'
import { findCursor, moveCursor } from '../../db/platform/event-cursors.ts'
import { type EventKind, listEvents } from '../../db/platform/events.ts'
import { CHANGES, noteChanges } from '../../db/replication/changes.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'

const CONSUMER = 'replications'
/** Events of one transaction. */
const BATCH = 500

const KINDS: ReadonlySet<EventKind> = new Set(CHANGES)

/** @returns whether something is due now */
export async function followChanges({ db, clock }: { readonly db: Database; readonly clock: Clock }): Promise<boolean> {
  for (let isDue = false; ; ) {
    const from = await findCursor(db.read, CONSUMER)
    const events = await listEvents(db.read, from, BATCH)
    const last = events.at(-1)
    if (last === undefined) return isDue
    const changed = events.filter(({ kind }) => KINDS.has(kind as EventKind))
    const repositories = [...new Set(changed.flatMap(({ repository_id: id }) => id ?? []))]
    const due = await db.write(async (tx) => {
      if (!(await moveCursor(tx, CONSUMER, { from, to: last.seq }))) return 0
      return noteChanges(tx, repositories, isoTime(clock.now()))
    })
    isDue ||= due > 0
    if (events.length < BATCH) return isDue
  }
}
