/** How the instance itself is, in a fixed number of queries whatever there is. */
import { sql } from 'kysely'
import type { Database, Queries } from '../engine/engine.ts'
import { listLeases, SERVER_LEASE } from './leases.ts'

export interface Follower {
  readonly name: string
  /** Events that it has not read, or a few more: numbers of what was rolled back are missing. */
  readonly behind: number
  /** When the oldest of them happened. */
  readonly since: string | null
}

/** Readers of the event log, by name. */
export async function listEventFollowers(db: Queries): Promise<Follower[]> {
  const rows = await db
    .selectFrom('event_cursors as cursor')
    .select(['cursor.consumer as name', 'cursor.seq'])
    .select((eb) => [
      eb
        .selectFrom('events')
        .select((inner) => inner.fn.max('events.seq').as('seq'))
        .as('last'),
      eb
        .selectFrom('events')
        .select('events.at')
        .whereRef('events.seq', '>', 'cursor.seq')
        .orderBy('events.seq')
        .limit(1)
        .as('since'),
    ])
    .orderBy('cursor.consumer')
    .execute()
  // Counted by their numbers: however many there are, that is one look.
  return rows.map(({ name, seq, last, since }) => ({
    name,
    behind: since === null ? 0 : Number(last ?? 0) - Number(seq),
    since,
  }))
}

/** Servers on the database that give signs of life at `now`. */
export async function listLiveServers(db: Queries, now: string): Promise<string[]> {
  const leases = await listLeases(db, SERVER_LEASE)
  return leases.flatMap(({ holder, expires_at: endsAt }) => (holder !== null && endsAt > now ? [holder] : [])).sort()
}

/** Blobs, of which no more than `most` are looked at. */
export async function measureBlobs(
  db: Queries,
  most: number,
): Promise<{ readonly blobs: number; readonly sizeBytes: number; readonly isWhole: boolean }> {
  const row = await db
    .selectFrom(
      db
        .selectFrom('blobs')
        .select('size_bytes')
        .limit(most + 1)
        .as('one'),
    )
    .select((eb) => [eb.fn.countAll<number>().as('blobs'), eb.fn.sum<number | null>('one.size_bytes').as('bytes')])
    .executeTakeFirstOrThrow()
  const blobs = Number(row.blobs)
  return { blobs: Math.min(blobs, most), sizeBytes: Number(row.bytes ?? 0), isWhole: blobs <= most }
}

/** Bytes of the database itself, as its engine counts them. */
export async function measureDatabase({ engine, read }: Database): Promise<number> {
  const { rows } =
    engine === 'sqlite'
      ? await sql<{ bytes: number }>`
          select page_count * page_size as bytes from pragma_page_count(), pragma_page_size()`.execute(read)
      : await sql<{ bytes: number | string }>`select pg_database_size(current_database()) as bytes`.execute(read)
  return Number(rows[0]?.bytes ?? 0)
}
