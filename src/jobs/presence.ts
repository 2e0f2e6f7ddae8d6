/** That this process lives, as other servers on the same database see it. */
import type { Database } from '../db/engine/engine.ts'
import { detached } from '../db/engine/watch.ts'
import { forgetLeases, SERVER_LEASE } from '../db/platform/leases.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { acquireLease, type Lease } from './leases.ts'

/** Rows of processes that ended without saying so are of no use after this. */
const FORGET_AFTER_MS = 24 * 60 * 60 * 1000

export interface Presence {
  /** This process, as leases, runs and shares name it. */
  readonly holder: string
  /** Lets other servers know that this one lives, from now until `close`; nothing when they do. */
  announce(): Promise<void>
  /**
   * The time for which others have seen it live without a break: another value after each. Undefined while they do not: what hangs on its
   * life may be theirs by now.
   */
  standing(): string | undefined
  close(): Promise<void>
}

export interface PresenceOptions {
  readonly db: Database
  readonly clock: Clock
  readonly ttlMs: number
}

export function createPresence({ db, clock, ttlMs }: PresenceOptions): Presence {
  const holder = newId()
  let announced: Promise<Lease | undefined> | undefined
  let lease: Lease | undefined
  /** Generations may begin anew: the row of a lease that nobody holds is forgotten. */
  let takings = 0
  const take = async () => {
    const before = isoTime(new Date(clock.now().getTime() - FORGET_AFTER_MS))
    await db.write((tx) => forgetLeases(tx, SERVER_LEASE, before))
    const taken = await acquireLease({ db, clock, key: `${SERVER_LEASE}${holder}`, holder, ttlMs })
    // Taken from us by nobody but a server that thought itself alone, or one that forgot us after a long sleep: said again when needed. So is
    // what cannot be said yet, as an own word that came late has not lost its time.
    if (taken === undefined) announced = undefined
    taken?.signal.addEventListener('abort', () => {
      announced = undefined
    })
    lease = taken
    takings++
    return taken
  }
  const said = () => {
    // Its heartbeat goes on after whatever has brought it about.
    announced ??= detached(take)
    return announced.catch((error) => {
      announced = undefined
      throw error
    })
  }
  return {
    holder,
    async announce() {
      await said()
      if (lease === undefined || lease.standing() !== undefined) return
      // The process was asleep: the next heartbeat may be long in coming, and what hangs on it waits.
      await lease.renew()
      await said()
    },
    standing() {
      const breaks = lease?.standing()
      return breaks === undefined ? undefined : `${takings} ${breaks}`
    },
    async close() {
      const held = await announced?.catch(() => undefined)
      lease = undefined
      // Where that cannot be said any more, time says it.
      await held?.release().catch(() => {})
      announced = undefined
    },
  }
}
