/** Events of one transaction stand beside each other in the log: its lock is held until the commit. */
import type { Selectable } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import type { EventRow } from '../schema.ts'

/** Most transactions have one event or a few; some have 100,000, and nobody reads so many names in a message. */
const FIRST_ROWS = 4
const GROWTH = 8
const MAX_ROWS = 1000

/** Events before and after `seq` that `isSame` takes, without a gap; about MAX_ROWS at most each way. In the order of the log. */
export async function listNeighbours(
  db: Queries,
  seq: number,
  isSame: (row: Selectable<EventRow>) => boolean,
): Promise<Selectable<EventRow>[]> {
  const walk = async (direction: 'asc' | 'desc') => {
    const found: Selectable<EventRow>[] = []
    let from = seq
    for (let limit = FIRST_ROWS; found.length < MAX_ROWS; limit = Math.min(limit * GROWTH, MAX_ROWS)) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('seq', direction === 'asc' ? '>' : '<', from)
        .orderBy('seq', direction)
        .limit(limit)
        .execute()
      const end = rows.findIndex((row) => !isSame(row))
      found.push(...(end === -1 ? rows : rows.slice(0, end)))
      const last = rows.at(-1)
      if (end !== -1 || last === undefined) break
      from = last.seq
    }
    return found
  }
  const [before, after] = [await walk('desc'), await walk('asc')]
  return [...before.reverse(), ...after]
}
