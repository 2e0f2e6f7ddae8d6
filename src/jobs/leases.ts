import type { Database } from '../db/engine/engine.ts'
import { claimLease, extendLease, releaseLease } from '../db/platform/leases.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'

/** The right to do one thing alone, for as long as its heartbeat is heard. */
export interface Lease {
  readonly key: string
  /** Higher than that of every holder before: writers check it in their transactions, so a sleeper that wakes late changes nothing. */
  readonly generation: number
  /** Aborts when the lease is lost. */
  readonly signal: AbortSignal
  /**
   * The time for which it has been held without a break, as a number: another one after each break. Undefined while its time is over, be it
   * because the process was asleep: others may have taken what hangs on it.
   */
  standing(): number | undefined
  /** Extends it now, not at the next heartbeat; it may turn out to be lost. */
  renew(): Promise<void>
  release(): Promise<void>
}

export interface LeaseOptions {
  readonly db: Database
  readonly clock: Clock
  readonly key: string
  /** Who holds it, for people who look; unique per process. */
  readonly holder: string
  readonly ttlMs: number
}

/** Takes the lease and keeps it alive at a third of its time. @returns undefined while another holds it */
export async function acquireLease({ db, clock, key, holder, ttlMs }: LeaseOptions): Promise<Lease | undefined> {
  const expiresAt = () => isoTime(new Date(clock.now().getTime() + ttlMs))
  let goodUntil = clock.now().getTime() + ttlMs
  const generation = await db.write((tx) =>
    claimLease(tx, { key, holder, now: isoTime(clock.now()), expiresAt: expiresAt() }),
  )
  if (generation === undefined) return undefined
  const lost = new AbortController()
  let breaks = 0
  const beat = async () => {
    const asked = clock.now().getTime()
    if (asked >= goodUntil) breaks++
    // A database that cannot be reached is no loss of the lease, until its time is over.
    const isAlive = await db
      .write((tx) => extendLease(tx, { key, generation, expiresAt: expiresAt() }))
      .catch(() => undefined)
    if (isAlive === true) goodUntil = asked + ttlMs
    if (isAlive === false || clock.now().getTime() >= goodUntil) {
      clearInterval(timer)
      lost.abort(new AppError('CONFLICT', `the lease ${key} is held by another process now`))
    }
  }
  const timer = setInterval(() => void beat(), ttlMs / 3)
  timer.unref()
  return {
    key,
    generation,
    signal: lost.signal,
    standing: () => (lost.signal.aborted || clock.now().getTime() >= goodUntil ? undefined : breaks),
    renew: beat,
    async release() {
      clearInterval(timer)
      await db.write((tx) => releaseLease(tx, key, generation))
    },
  }
}
