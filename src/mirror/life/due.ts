/** Begins what the schedule says, as far as there is room; of several servers that see it due at once, one does. */
import type { Database, Queries, Transaction } from '../../db/engine/engine.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { RunKind, RunSubject } from './run-kind.ts'
import type { Runner, RunRequest } from './runner.ts'

/** Runs that the schedule lets wait for a place, of each organization and registry: what else is due waits in the database. */
const SCHEDULED_WAITING = 2

export interface DueOptions<Subject extends RunSubject> {
  readonly kind: RunKind<Subject>
  readonly db: Database
  readonly clock: Clock
  readonly runner: Runner<Subject>
  readonly intervalMs: number
  listDue(db: Queries, now: string, limitOfEach: number): Promise<readonly { readonly id: string }[]>
  claim(tx: Transaction, id: string, dueAt: string, nextRunAt: string): Promise<boolean>
  findNextDue(db: Queries, now: string): Promise<string | undefined>
  requestOf(subject: Subject): RunRequest
}

/** @returns what begins all that is due at `at`, and tells when to look again */
export function createDue<Subject extends RunSubject & { readonly next_run_at: string | null }>(
  o: DueOptions<Subject>,
): (at: string) => Promise<string | undefined> {
  const { kind, db, runner } = o
  return async (at) => {
    for (const { id } of await o.listDue(db.read, at, SCHEDULED_WAITING + runner.size)) {
      // What has become of it since is looked at again: another server may have begun it.
      const subject = runner.isRunning(id) ? undefined : await kind.find(db.read, id)
      const dueAt = subject?.next_run_at ?? null
      if (subject === undefined || dueAt === null || dueAt > at) continue
      if (runner.countWaiting(subject) >= SCHEDULED_WAITING) continue
      const later = isoTime(new Date(o.clock.now().getTime() + o.intervalMs))
      if (!(await db.write((tx) => o.claim(tx, id, dueAt, later)))) continue
      await runner.begin(subject, o.requestOf(subject))
    }
    // What is due and waits is looked at again when a run begins or ends.
    return o.findNextDue(db.read, at)
  }
}
