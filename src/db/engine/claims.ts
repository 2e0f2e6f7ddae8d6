/**
 * What one request of one process works on at a time, of all processes on a PostgreSQL database. The locks belong to one connection of this
 * process: they end with it, however it ends.
 */
import { type Kysely, sql } from 'kysely'
import type { Schema } from '../schema.ts'
import type { Database } from './engine.ts'
import { DatabaseUnavailable } from './unavailable.ts'
import { detached } from './watch.ts'

export interface Claims {
  /** Resolves to what gives it back; undefined while another process has it. Within this process nothing is kept apart. */
  claim(id: string): Promise<(() => Promise<void>) | undefined>
  close(): Promise<void>
}

/** Tells the locks of claims from the others of this database. */
const KEY_SEED = 7_042_004

interface Held {
  readonly queries: Kysely<Schema>
  letGo(): Promise<void>
}

/** Takes a connection of the database's pool at the first claim, and keeps it. */
export function createClaims(db: Pick<Database, 'accounts'>): Claims {
  let holding: Promise<Held> | undefined
  let current: Held | undefined

  function hold(): Promise<Held> {
    holding ??= new Promise<Held>((resolve, reject) => {
      const { promise: until, resolve: end } = Promise.withResolvers<void>()
      // It outlives the request that asks first.
      const ended = detached(() =>
        db.accounts.connection().execute(async (queries) => {
          current = {
            queries,
            async letGo() {
              end()
              await ended
            },
          }
          resolve(current)
          await until
          // The pool gives it to others.
          await sql`select pg_advisory_unlock_all()`.execute(queries).catch(() => {})
        }),
      )
      ended.catch(reject)
    })
    holding.catch(() => {
      holding = undefined
    })
    return holding
  }

  /** A connection that has failed has lost all that it held: the next claim takes another. */
  async function drop(failed: Held): Promise<void> {
    // Several may find out; by the last one there may be a new connection.
    if (current === failed) holding = undefined
    await failed.letGo().catch(() => {})
  }

  async function take(id: string): Promise<{ readonly held: Held; readonly isTaken: boolean }> {
    const held = await hold()
    try {
      const { rows } = await sql<{
        taken: boolean
      }>`select pg_try_advisory_lock(hashtextextended(${id}, ${KEY_SEED})) as taken`.execute(held.queries)
      return { held, isTaken: rows[0]?.taken === true }
    } catch (error) {
      await drop(held)
      throw error
    }
  }

  return {
    async claim(id) {
      const { held, isTaken } = await take(id).catch((error) => {
        // The connection that was kept had ended, perhaps long ago: that says nothing about the database now.
        if (error instanceof DatabaseUnavailable) return take(id)
        throw error
      })
      if (!isTaken) return undefined
      return () =>
        sql`select pg_advisory_unlock(hashtextextended(${id}, ${KEY_SEED}))`.execute(held.queries).then(
          () => {},
          () => drop(held),
        )
    },
    async close() {
      const held = await holding?.catch(() => undefined)
      holding = undefined
      await held?.letGo()
    },
  }
}
