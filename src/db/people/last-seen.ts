/** When people last did anything here, as far as their sessions and tokens still tell. */
import { allOfChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

/** ISO 8601 by user id; who has not signed in, or whose sessions and tokens are gone, is not among it. */
export async function readLastSeen(db: Queries, userIds: readonly string[]): Promise<Map<string, string>> {
  const seen = new Map<string, string>()
  const note = (userId: string, at: string | Date | null) => {
    if (at === null) return
    const time = new Date(at).toISOString()
    if (time > (seen.get(userId) ?? '')) seen.set(userId, time)
  }
  const sessions = await allOfChunks([...userIds], (chunk) =>
    db
      .selectFrom('sessions')
      .select((eb) => ['user_id', eb.fn.max('updated_at').as('at')])
      .where('user_id', 'in', chunk)
      .groupBy('user_id')
      .execute(),
  )
  for (const { user_id: id, at } of sessions) note(id, at)
  for (const table of ['tokens', 'refresh_tokens'] as const) {
    const used = await allOfChunks([...userIds], (chunk) =>
      db
        .selectFrom(table as 'tokens')
        .select((eb) => ['user_id', eb.fn.max('last_used_at').as('at')])
        .where('user_id', 'in', chunk)
        .groupBy('user_id')
        .execute(),
    )
    for (const { user_id: id, at } of used) note(id, at)
  }
  return seen
}
