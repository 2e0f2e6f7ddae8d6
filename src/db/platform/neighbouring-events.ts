/** Events of one transaction stand beside each other in the log: its lock is held until the commit. */
import type { Selectable } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import type { EventRow } from '../schema.ts'

/** Rows of one step; a tag's digest may have 100,000 names, and nobody reads so many in a message. */
const STEP_ROWS = 200
const MAX_ROWS = 2000

/** Events before and after `seq` that `isSame` takes, without a gap; MAX_ROWS at most each way. In the order of the log. */
export async function listNeighbours(
  db: Queries,
  seq: number,
  isSame: (row: Selectable<EventRow>) => boolean,
): Promise<Selectable<EventRow>[]> {
  const walk = async (direction: 'asc' | 'desc') => {
    const found: Selectable<EventRow>[] = []
    let from = seq
    while (found.length < MAX_ROWS) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('seq', direction === 'asc' ? '>' : '<', from)
        .orderBy('seq', direction)
        .limit(STEP_ROWS)
        .execute()
      for (const row of rows) {
        if (!isSame(row)) return found
        found.push(row)
      }
      const last = rows.at(-1)
      if (last === undefined) return found
      from = last.seq
    }
    return found
  }
  const [before, after] = [await walk('desc'), await walk('asc')]
  return [...before.reverse(), ...after]
}
