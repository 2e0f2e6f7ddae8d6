/** What people do with a replication: stop, pause, resume, change its settings. Each is one transaction with its event. */
import { isSameSelection } from '../../api/selection.ts'
import type { Database } from '../../db/engine/engine.ts'
import { appendEvents } from '../../db/platform/events.ts'
import { endReplicationPause, pauseReplication, replicationEvent } from '../../db/replication/life.ts'
import {
  findReplication,
  type ReplicationRecord,
  stopReplication,
  updateReplication,
} from '../../db/replication/replications.ts'
import { stopReason } from '../../mirror/life/run-end.ts'
import type { Runner } from '../../mirror/life/runner.ts'
import { cadenceOf, nextRunAt } from '../../mirror/life/schedule.ts'
import type { Replications } from '../engine.ts'
import { refuseNoWebhook } from './after-webhook.ts'
import { getReplication, refuseStopped } from './get-replication.ts'
import { changedReplication, fullSettings, replicationSettings } from './settings.ts'

export interface VerbsOptions {
  readonly db: Database
  readonly runner: Runner<ReplicationRecord>
  readonly now: () => string
  readonly random: () => number
  show: Replications['show']
  wake(): void
}

export function createVerbs(o: VerbsOptions): Pick<Replications, 'pause' | 'resumeOne' | 'stop' | 'change'> {
  const { db, runner, now } = o
  return {
    async stop(id, actor) {
      await db.write(async (tx) => {
        const replication = await getReplication(tx, id)
        if (replication.state === 'stopped') return
        await stopReplication(tx, id, now())
        await appendEvents(tx, [replicationEvent('replication.stopped', replication, { actor, at: now() })])
      })
      await runner.end(id, stopReason('the replication was stopped'))
      return o.show(id)
    },
    async pause(id, actor) {
      await db.write(async (tx) => {
        refuseStopped(await getReplication(tx, id))
        const event = await pauseReplication(tx, id, { cause: 'hand', actor, at: now() })
        if (event !== undefined) await appendEvents(tx, [event])
      })
      await runner.end(id, stopReason('the replication was paused'))
      return o.show(id)
    },
    async resumeOne(id, actor) {
      await db.write(async (tx) => {
        refuseStopped(await getReplication(tx, id))
        // Somebody says that what was wrong outside is mended. Whether everybody may read the target, only the target tells.
        const causes = ['hand', 'credentials', 'gone'] as const
        const event = await endReplicationPause(tx, id, { causes, actor, at: now() })
        // What happened there meanwhile nobody has seen: the next run believes nothing, whoever begins it.
        const present = await findReplication(tx, id)
        const isPlanned = present?.next_run_at != null
        await updateReplication(tx, id, { full_due: 1, ...(isPlanned ? { next_run_at: now() } : {}) })
        if (event !== undefined) await appendEvents(tx, [event])
      })
      o.wake()
      return o.show(id)
    },
    async change(id, change, actor) {
      await db.write(async (tx) => {
        const replication = await getReplication(tx, id)
        const at = now()
        const before = replicationSettings(replication)
        const settings = changedReplication(before, change)
        if (typeof change.after === 'string') await refuseNoWebhook(tx, replication, change.after)
        const text = JSON.stringify(settings)
        const cadence = cadenceOf(fullSettings({ settings: text }).schedule)
        const next = nextRunAt({ now: new Date(at), outcome: 'done', failedBefore: 0, cadence, random: o.random })
        const isLooked =
          !isSameSelection(before.selection, settings.selection) ||
          change.drift !== undefined ||
          change.after !== undefined ||
          change.digestAlias !== undefined
        const isPlanned = replication.next_run_at !== null
        const isSooner = change.schedule !== undefined || change.driftEvery !== undefined
        await updateReplication(tx, id, {
          settings: text,
          ...(isPlanned && isLooked ? { next_run_at: at } : isPlanned && isSooner ? { next_run_at: next } : {}),
        })
        // What is told as drift, or as immutable, is judged anew.
        if (isLooked)
          await tx.updateTable('replication_tags').set({ content: null }).where('replication_id', '=', id).execute()
        await appendEvents(tx, [replicationEvent('replication.changed', replication, { actor, at }, { change })])
      })
      o.wake()
      return o.show(id)
    },
  }
}
