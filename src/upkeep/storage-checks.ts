/** The life of checks of the storage: one at a time over all servers, gone on with after a restart, results kept. */
import type { StorageCheck } from '../api/storage-checks.ts'
import type { BlobStore } from '../blobs/blob-store.ts'
import { changeCheck, findCheck, findOpenCheck, forgetChecks, insertCheck } from '../db/content/storage-checks.ts'
import type { Database, Transaction } from '../db/engine/engine.ts'
import { detached } from '../db/engine/watch.ts'
import { recordAudit } from '../db/platform/audit.ts'
import { voidLeases } from '../db/platform/leases.ts'
import type { StorageCheckRow } from '../db/schema.ts'
import { AppError, isCancelled, messageOf } from '../errors.ts'
import { acquireLease } from '../jobs/leases.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Logger } from '../lib/logger.ts'
import { systemSleep } from '../lib/retry.ts'
import { checkStorage } from './check-storage.ts'
import { createHashers } from './hashers.ts'
import { type RepairSource, repairDamaged } from './repair.ts'
import { reportCheck } from './storage-report.ts'

const LEASE = 'storage-check'
const KEPT = 50
/** Between two looks at a check that another server goes on with. */
const LOOK_MS = 500

export interface StorageChecks {
  /** Begins one, or joins the one that is under way. @param also what else belongs to the transaction, with the id */
  start(
    o: { readonly repair: boolean; readonly rateBytes: number | null; readonly by: string },
    also: (tx: Transaction, id: string) => Promise<void>,
  ): Promise<string>
  /** The same by the command line, with its own entry in the audit log. */
  startHere(o: { readonly repair: boolean; readonly rateBytes: number | null; readonly by: string }): Promise<string>
  /** Goes on with the one that an earlier process has left. @param o.isAlone no other process has the data */
  resume(o: { readonly isAlone: boolean }): Promise<void>
  /** @throws AppError NOT_FOUND */
  report(id: string): Promise<StorageCheck>
  /** The one that was begun last; undefined: there was none. */
  last(): Promise<StorageCheck | undefined>
  /** Until it has ended, wherever. */
  wait(id: string, signal?: AbortSignal): Promise<void>
  /** Leaves it where it is, to be gone on with. */
  close(): Promise<void>
}

export interface StorageChecksOptions {
  readonly db: Database
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly logger: Logger
  /** As leases name this process. */
  readonly holder: string
  readonly leaseTtlMs: number
  /** Objects that are hashed at once, each by a Worker. */
  readonly width: number
  readonly repair: RepairSource
}

export function createStorageChecks(o: StorageChecksOptions): StorageChecks {
  const { db, clock, logger } = o
  const closing = new AbortController()
  const now = () => isoTime(clock.now())
  let running: Promise<void> | undefined

  async function goOn(): Promise<void> {
    const open = await findOpenCheck(db.read)
    if (open === undefined) return
    const { holder, leaseTtlMs: ttlMs } = o
    const lease = await acquireLease({ db, clock, key: LEASE, holder, ttlMs })
    if (lease === undefined) return
    const hashers = createHashers(o.blobs, o.width, open.rate_bytes)
    const signal = AbortSignal.any([closing.signal, lease.signal])
    const run = { db, blobs: o.blobs, clock, hashers, signal }
    try {
      // What it was when the lease was not yet ours is of the past.
      const from = (await findCheck(db.read, open.id)) ?? open
      if (from.state !== 'running') return
      await checkStorage(run, from)
      const { repair } = (await findCheck(db.read, open.id)) ?? open
      const repaired = repair === 1 ? await repairDamaged({ ...run, source: o.repair, logger }) : 0
      await end(open.id, { state: 'done', phase: 'done', repaired })
    } catch (error) {
      if (signal.aborted || isCancelled(error)) return
      logger.error({ err: error }, 'the check of the storage has failed')
      await end(open.id, { state: 'failed', error: messageOf(error) })
    } finally {
      hashers.close()
      await lease.release().catch(() => {})
    }
  }

  async function end(id: string, change: Partial<StorageCheckRow>): Promise<void> {
    await db.write(async (tx) => {
      await changeCheck(tx, id, { ...change, ended_at: now() })
      await forgetChecks(tx, KEPT)
    })
    const { checked, bytes, missingCount, corruptCount, repaired } = await reportCheck(db.read, await getCheck(id))
    const log = { checked, bytes, missing: missingCount, corrupt: corruptCount, repaired }
    if (missingCount + corruptCount > 0) logger.error(log, 'the storage was checked: content is damaged')
    else logger.info(log, 'the storage was checked')
  }

  async function getCheck(id: string): Promise<StorageCheckRow> {
    const row = await findCheck(db.read, id)
    if (row !== undefined) return row
    throw new AppError('NOT_FOUND', `there is no check ${id}`)
  }

  const begin = () => {
    running ??= detached(goOn)
      .catch((error) => logger.error({ err: error }, 'the check of the storage could not go on'))
      .finally(() => {
        running = undefined
      })
  }

  const checks: StorageChecks = {
    startHere: (wanted) =>
      checks.start(wanted, (tx, check) =>
        recordAudit(tx, {
          ...{ organizationId: null, action: 'storage.check', object: 'storage', before: null },
          after: { check, repair: wanted.repair },
        }),
      ),
    async start({ repair, rateBytes, by }, also) {
      const id = await db.write(async (tx) => {
        const open = await findOpenCheck(tx)
        const made = open?.id ?? newId()
        if (open === undefined) await insertCheck(tx, newCheck(made, { repair, rateBytes, by, at: now() }))
        else if (repair) await changeCheck(tx, made, { repair: 1 })
        await also(tx, made)
        return made
      })
      begin()
      return id
    },
    async resume({ isAlone }) {
      if (isAlone) await db.write((tx) => voidLeases(tx, LEASE))
      begin()
    },
    report: async (id) => reportCheck(db.read, await getCheck(id)),
    async last() {
      const row = await findCheck(db.read, undefined)
      return row && reportCheck(db.read, row)
    },
    async wait(id, signal) {
      while ((await getCheck(id)).state === 'running') {
        // One that another process has died over is taken up here.
        begin()
        await Promise.race([running, systemSleep(LOOK_MS, signal)])
        if (signal?.aborted) return
        await systemSleep(10, signal)
      }
    },
    async close() {
      closing.abort(new AppError('CANCELLED', 'the server stops'))
      await running
    },
  }
  return checks
}

function newCheck(
  id: string,
  o: { readonly repair: boolean; readonly rateBytes: number | null; readonly by: string; readonly at: string },
): StorageCheckRow {
  return {
    id,
    state: 'running',
    repair: o.repair ? 1 : 0,
    rate_bytes: o.rateBytes,
    started_by: o.by,
    started_at: o.at,
    ended_at: null,
    phase: 'blobs',
    position: '',
    checked: 0,
    bytes: 0,
    repaired: 0,
    error: null,
  }
}
