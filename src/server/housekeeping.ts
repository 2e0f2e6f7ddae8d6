import { DAYS_KEPT, HOURS_KEPT_DAYS } from '../api/usage.ts'
import { listUnsampled, listUnsampledOrganizations, noteStored, prunePeriods } from '../db/content/keep-periods.ts'
import { periodsOf } from '../db/content/pulls.ts'
import { measureRepositories } from '../db/content/repository-summaries.ts'
import { pruneHistory } from '../db/content/tag-history.ts'
import { foldUsage, noteOrganizationStored } from '../db/content/usage.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import { listLongLogs, pruneAudit, shortenAudit } from '../db/platform/audit.ts'
import { isCancelled } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { systemSleep } from '../lib/retry.ts'
import { startRound } from '../mirror/life/round.ts'
import type { Uploads } from '../registry/uploads.ts'

/** A client that has sent nothing for so long does not come back to its upload. */
const UPLOAD_LIFE_MS = 24 * 60 * 60 * 1000
const ROUND_MS = 60 * 60 * 1000
const FOLD_MS = 60 * 1000
/** Rows of the history that one transaction removes: others write in between. */
const HISTORY_BATCH = 1000
const FOLD_BATCH = 5000
const AUDIT_BATCH = 1000
const PERIODS_BATCH = 1000
/** Repositories whose links are added up at once. */
const SAMPLE_BATCH = 50
const DAY_MS = 24 * 60 * 60 * 1000
/** Of one organization, whatever the retention says. */
const MAX_AUDIT_ENTRIES = { done: 100_000, refused: 20_000 }

export interface Housekeeping {
  /** Ends once the round under way is over. */
  close(): Promise<void>
}

export interface HousekeepingOptions {
  readonly db: Database
  readonly uploads: Uploads
  readonly clock: Clock
  readonly logger: Logger
  /** How long the history of tags is kept. */
  readonly historyMs: number
  /** How long the audit log is kept. */
  readonly auditMs: number
}

/**
 * Removes, at the start and every hour, what clients and crashes have left half-way, history, audit entries and counts that are too old, and notes
 * once a day what repositories store; adds up, every minute, what organizations store.
 */
export function startHousekeeping({
  db,
  uploads,
  clock,
  logger,
  historyMs,
  auditMs,
}: HousekeepingOptions): Housekeeping {
  const closing = new AbortController()
  const before = (ms: number) => new Date(clock.now().getTime() - ms)
  const attempt = async (what: string, work: () => Promise<number>) => {
    try {
      const removed = await work()
      if (removed > 0) logger.info({ removed }, `${what} removed`)
    } catch (error) {
      logger.error({ err: error }, `${what} could not be removed`)
    }
  }
  const loop = async () => {
    while (!closing.signal.aborted) {
      await attempt('idle uploads', () => uploads.expire(before(UPLOAD_LIFE_MS)))
      await attempt('old history of tags', () => forgetHistory(db, isoTime(before(historyMs)), closing.signal))
      await attempt('old audit entries', () => forgetAudit(db, isoTime(before(auditMs)), closing.signal))
      await attempt('old counts of pulls', () => forgetPeriods(db, clock.now(), closing.signal))
      await sampleStorage(db, clock.now(), closing.signal).catch((error) => {
        logger.error({ err: error }, 'what repositories store could not be noted')
      })
      await systemSleep(ROUND_MS, closing.signal).catch((error) => {
        if (!isCancelled(error)) throw error
      })
    }
  }
  const running = loop()
  const fold = () => inBatches((tx) => foldUsage(tx, FOLD_BATCH), { db, batch: FOLD_BATCH, signal: closing.signal })
  const folding = startRound({
    everyMs: FOLD_MS,
    logger,
    what: 'what organizations store',
    work: async () => void (await fold()),
  })
  return {
    async close() {
      closing.abort()
      await folding.close()
      await running
    },
  }
}

/** Entries of before a time, and the oldest of logs that are too long. @returns how many */
export async function forgetAudit(
  db: Database,
  before: string,
  signal?: AbortSignal,
  most: typeof MAX_AUDIT_ENTRIES = MAX_AUDIT_ENTRIES,
): Promise<number> {
  const o = { db, batch: AUDIT_BATCH, signal }
  let removed = await inBatches((tx) => pruneAudit(tx, before, AUDIT_BATCH), o)
  for (const part of await listLongLogs(db.read, most)) {
    const o = { most: most[part.outcome], limit: AUDIT_BATCH }
    for (let taken = 1; taken > 0 && signal?.aborted !== true; removed += taken) {
      taken = await db.write((tx) => shortenAudit(tx, part, o))
    }
  }
  return removed
}

/** Hours and days that are too old. @returns how many */
export async function forgetPeriods(db: Database, now: Date, signal?: AbortSignal): Promise<number> {
  let removed = 0
  for (const [per, days] of [
    ['hour', HOURS_KEPT_DAYS],
    ['day', DAYS_KEPT],
  ] as const) {
    const before = isoTime(new Date(now.getTime() - days * DAY_MS))
    removed += await inBatches((tx) => prunePeriods(tx, per, before, PERIODS_BATCH), {
      db,
      batch: PERIODS_BATCH,
      signal,
    })
  }
  return removed
}

/** Notes what each repository and organization stores today, where nobody has yet. @returns how many */
export async function sampleStorage(db: Database, now: Date, signal?: AbortSignal): Promise<number> {
  const { day } = periodsOf(isoTime(now))
  let noted = 0
  for (let ids = ['']; ids.length > 0 && signal?.aborted !== true; noted += ids.length) {
    ids = await listUnsampledOrganizations(db.read, day, SAMPLE_BATCH)
    await db.stage(async (tx) => {
      for (const id of ids) await noteOrganizationStored(tx, day, id)
    })
  }
  for (let ids = ['']; ids.length > 0 && signal?.aborted !== true; noted += ids.length) {
    ids = await listUnsampled(db.read, day, SAMPLE_BATCH)
    const bytes = await measureRepositories(db.read, ids)
    if (ids.length > 0) await db.stage((tx) => noteStored(tx, day, bytes))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return noted
}

/** In batches, until there is no more. @returns how many rows */
export function forgetHistory(db: Database, before: string, signal?: AbortSignal): Promise<number> {
  return inBatches((tx) => pruneHistory(tx, before, HISTORY_BATCH), { db, batch: HISTORY_BATCH, signal })
}

/** @param work of one transaction: says how many rows it took, fewer than `batch` when there is no more */
async function inBatches(
  work: (tx: Transaction) => Promise<number>,
  { db, batch, signal }: { readonly db: Database; readonly batch: number; readonly signal: AbortSignal | undefined },
): Promise<number> {
  let taken = 0
  for (;;) {
    const rows = await db.write(work)
    taken += rows
    if (rows < batch || signal?.aborted === true) return taken
  }
}
