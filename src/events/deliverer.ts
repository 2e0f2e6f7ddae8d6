/**
 * Delivers webhooks: of all servers on one database, the one that has the lease reads the log and sends. Another goes on where it was, from what
 * the database says, when that one is gone.
 */
import type { Database } from '../db/engine/engine.ts'
import { findLease, voidLeases } from '../db/platform/leases.ts'
import { listWebhooksWithWork } from '../db/webhooks/webhooks.ts'
import { isAppError, isCancelled } from '../errors.ts'
import { acquireLease, type Lease } from '../jobs/leases.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { systemSleep } from '../lib/retry.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Poster } from '../net/post.ts'
import type { Render } from './attempt.ts'
import { keepOutbox } from './keep.ts'
import { createLines, type Lines } from './lines.ts'
import { fanOut } from './outbox.ts'
import type { CallbackAddresses } from './signing.ts'

export interface DelivererDeps {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly sealer: Sealer
  readonly poster: Poster
  readonly render: Render
  readonly callbacks: CallbackAddresses
  readonly publicUrl: () => string
  /** Names this process. */
  readonly holder: string
  readonly leaseTtlMs: number
  readonly random?: () => number
}

export interface Deliverer {
  /** @param o.isAlone no other server is on the database: whoever had the lease is gone */
  start(o: { readonly isAlone: boolean }): Promise<void>
  /** Something was changed that may have to be sent: looked at now. */
  wake(): void
  /** Attempts under way end for a moment; the others stay where they are. */
  close(): Promise<void>
}

const LEASE = 'webhooks:outbox'
/** How soon an event is seen, and a retry that is due. */
const LOOK_MS = 200
const SCAN_MS = 1000
const KEEP_MS = 60_000
const STANDBY_MS = 1000
const AFTER_TROUBLE_MS = 2000
const PATIENCE_MS = 3000

export function createDeliverer(deps: DelivererDeps): Deliverer {
  const { db, clock, logger } = deps
  const closing = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let isWoken = false
  let stopSleep = () => {}

  async function sleep(ms: number): Promise<void> {
    if (isWoken) return
    const woken = new AbortController()
    stopSleep = () => woken.abort()
    await systemSleep(ms, AbortSignal.any([closing.signal, woken.signal])).catch((error) => {
      if (!isCancelled(error)) throw error
    })
  }

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      const lease = await claim().catch((error) => {
        logger.error({ err: error }, 'the lease of the outbox could not be taken')
        return undefined
      })
      if (lease === undefined) {
        await sleep(STANDBY_MS)
        // Whoever delivers looks by itself.
        isWoken = false
        continue
      }
      try {
        await lead(lease)
      } catch (error) {
        if (isAppError(error, 'CONFLICT'))
          logger.warn({ reason: error.message }, 'another server delivers webhooks now')
        else logger.error({ err: error }, 'webhooks were not delivered for a moment')
        await lease.release().catch(() => {})
        await sleep(AFTER_TROUBLE_MS)
        continue
      }
      await lease.release().catch(() => {})
    }
  }

  async function claim(): Promise<Lease | undefined> {
    const held = await findLease(db.read, LEASE)
    // Looking costs nothing; taking is a write.
    if (held !== undefined && held.holder !== null && held.expires_at > isoTime(clock.now())) return undefined
    return acquireLease({ db, clock, key: LEASE, holder: deps.holder, ttlMs: deps.leaseTtlMs })
  }

  async function lead(lease: Lease): Promise<void> {
    const ended = new AbortController()
    const fence = { key: lease.key, generation: lease.generation }
    const lines = createLines({
      ...deps,
      fence,
      random: deps.random ?? Math.random,
      mayStart: () => lease.standing() !== undefined,
      signal: AbortSignal.any([lease.signal, ended.signal]),
    })
    let isLost = false
    try {
      await look(lines, lease, fence)
    } catch (error) {
      isLost = isAppError(error, 'CONFLICT')
      throw error
    } finally {
      // What is under way is let come to its end, unless another sends the same by now.
      if (!isLost) await drain(lines, ended).finally(() => ended.abort())
      ended.abort()
    }
  }

  async function drain(lines: Lines, ended: AbortController): Promise<void> {
    const patience = setTimeout(() => ended.abort(), PATIENCE_MS)
    try {
      await lines.end()
    } finally {
      clearTimeout(patience)
    }
  }

  /** Until the server closes. @throws AppError CONFLICT when the lease is lost, and nothing else */
  async function look(lines: Lines, lease: Lease, fence: { readonly key: string; readonly generation: number }) {
    const isUnderWay = lines.isUnderWay
    let [scanned, kept] = [0, performance.now()]
    let keeping: AsyncGenerator<void, void> | undefined
    let isTroubled = false

    /** Whatever goes wrong in one step keeps neither the others from theirs nor attempts from their end. */
    async function step(what: string, work: () => Promise<unknown>): Promise<void> {
      try {
        await work()
      } catch (error) {
        if (isAppError(error, 'CONFLICT')) throw error
        isTroubled = true
        logger.error({ err: error }, `the outbox: ${what} did not work; trying again`)
      }
    }

    while (!closing.signal.aborted) {
      lease.signal.throwIfAborted()
      const isAsked = isWoken
      isWoken = false
      isTroubled = false
      let isEnd = true
      await step('reading the log', async () => {
        const read = await fanOut({ db, clock, fence, isUnderWay })
        isEnd = read.isEnd
        lines.drop(read.superseded)
        await lines.wake(read.webhookIds)
      })
      if (performance.now() - scanned >= SCAN_MS || isAsked) {
        scanned = performance.now()
        await step('looking for changes', () => lines.refresh())
        await step('looking for what is due', async () =>
          lines.wake(await listWebhooksWithWork(db.read, isoTime(clock.now()))),
        )
      }
      if (keeping === undefined && performance.now() - kept >= KEEP_MS) {
        kept = performance.now()
        keeping = keepOutbox({ db, clock, fence, isUnderWay, drop: lines.drop })
      }
      const round = keeping
      if (round !== undefined) {
        // A step of it at a time; one that failed has ended the round.
        let isOver: boolean | undefined = true
        await step('removing what is old', async () => {
          isOver = (await round.next()).done
        })
        if (isOver === true) keeping = undefined
      }
      if (isTroubled) await sleep(AFTER_TROUBLE_MS)
      else if (isEnd) await sleep(LOOK_MS)
    }
  }

  return {
    async start({ isAlone }) {
      if (isAlone) await db.write((tx) => voidLeases(tx, LEASE))
      running = loop()
    },
    wake() {
      isWoken = true
      stopSleep()
    },
    async close() {
      closing.abort()
      await running
      deps.poster.close()
    },
  }
}
