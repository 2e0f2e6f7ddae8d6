/** What people do with a mirror: stop, pause, resume, restart, change its settings. Each is one transaction with its event. */
import { changedSettings, DEFAULT_SCHEDULE } from '../../api/mirror-settings.ts'
import type { Mirror } from '../../api/mirrors.ts'
import { isSameSelection } from '../../api/selection.ts'
import type { Database } from '../../db/engine/engine.ts'
import { endPause, eventOf, pauseMirror } from '../../db/mirrors/life.ts'
import { forgetSubjects } from '../../db/mirrors/mirror-subjects.ts'
import { findMirror, type MirrorRecord, setMirrorSettings, stopMirror } from '../../db/mirrors/mirrors.ts'
import { appendEvents } from '../../db/platform/events.ts'
import { AppError } from '../../errors.ts'
import type { MirrorAndRun, MirrorEngine, MirrorEngineOptions } from '../engine.ts'
import { settleObjective } from './freshness.ts'
import { getMirror } from './get-mirror.ts'
import { stopReason } from './run-end.ts'
import type { Runner, RunRequest } from './runner.ts'
import { cadenceOf, nextRunAt } from './schedule.ts'
import { settingsOf } from './settings.ts'
import { findRestartTarget, insertStart, requireReachable, restartOf } from './start.ts'

export interface VerbsOptions {
  readonly db: Database
  readonly runner: Runner<MirrorRecord>
  readonly now: () => string
  readonly random: () => number
  readonly openSource: MirrorEngineOptions['openSource']
  begin(id: string, request: RunRequest): Promise<MirrorAndRun>
  show(id: string): Promise<Mirror>
  wake(): void
}

export function createVerbs(o: VerbsOptions): Pick<MirrorEngine, 'stop' | 'pause' | 'unpause' | 'restart' | 'change'> {
  const { db, runner, now } = o

  async function refuseStopped(id: string): Promise<void> {
    const mirror = await getMirror(db.read, id)
    if (mirror.state !== 'stopped') return
    throw new AppError(
      'CONFLICT',
      `the mirror ${mirror.repository} is stopped: restart it with kagami ${restartOf(mirror)}`,
      { about: { reason: 'stopped', what: 'mirror', name: mirror.repository } },
    )
  }

  return {
    async stop(mirrorId, actor) {
      await db.write(async (tx) => {
        const mirror = await findMirror(tx, mirrorId)
        if (mirror === undefined || mirror.state === 'stopped') return
        await stopMirror(tx, mirrorId, now())
        await appendEvents(tx, [eventOf('mirror.stopped', mirror, { actor, at: now() })])
      })
      await runner.end(mirrorId, stopReason())
      return o.show(mirrorId)
    },
    async pause(mirrorId, actor) {
      await refuseStopped(mirrorId)
      await db.write(async (tx) => {
        const event = await pauseMirror(tx, mirrorId, { cause: 'hand', actor, at: now() })
        if (event !== undefined) await appendEvents(tx, [event])
      })
      await runner.end(mirrorId, stopReason('the mirror was paused'))
      return o.show(mirrorId)
    },
    async unpause(mirrorId, actor) {
      await refuseStopped(mirrorId)
      await db.write(async (tx) => {
        // Somebody says that what was wrong outside is mended: it is tried at once.
        const causes = ['hand', 'quota', 'credentials', 'gone'] as const
        const event = await endPause(tx, mirrorId, { causes, actor, at: now() })
        if (event !== undefined) await appendEvents(tx, [event])
      })
      o.wake()
      return o.show(mirrorId)
    },
    async restart(mirrorId, { by, from }) {
      const mirror = await getMirror(db.read, mirrorId)
      if (mirror.state !== 'stopped' && from === undefined) {
        throw new AppError('CONFLICT', `the mirror ${mirror.repository} is not stopped: there is nothing to restart`, {
          about: { reason: 'not-stopped', what: 'mirror', name: mirror.repository },
        })
      }
      const { repository } = mirror
      const { upstream, repository: source } = from ?? {
        upstream: mirror.upstream,
        repository: mirror.source_repository,
      }
      const target = await findRestartTarget(db.read, mirror, { upstream, repository: source })
      await requireReachable(await o.openSource(target.upstream, target.source, mirror.organization_id), {})
      await runner.end(mirrorId, stopReason(`the mirror was restarted from ${upstream}/${source}`))
      await db.write(async (tx) => {
        if (mirror.state !== 'stopped') await stopMirror(tx, mirrorId, now())
        const request = { adopt: true, by, at: now(), settings: {} }
        await insertStart(tx, { ...target, destination: repository }, request)
      })
      return o.begin(mirrorId, { trigger: 'start', isFull: true })
    },
    async change(mirrorId, change, actor) {
      await db.write(async (tx) => {
        const mirror = await getMirror(tx, mirrorId)
        const at = now()
        const settings = changedSettings(settingsOf(mirror), change)
        const isNewSchedule = change.schedule !== undefined && mirror.next_run_at !== null
        const cadence = cadenceOf(settings.schedule ?? DEFAULT_SCHEDULE)
        const next = nextRunAt({ now: new Date(at), outcome: 'done', failedBefore: 0, cadence, random: o.random })
        // What is taken now may have been left out of images that are here: everything is looked at anew, at once.
        const isNewSelection = !isSameSelection(settingsOf(mirror).selection, settings.selection)
        const isDue = isNewSelection && mirror.next_run_at !== null
        const nextRun = isDue ? at : isNewSchedule ? next : mirror.next_run_at
        await setMirrorSettings(tx, mirrorId, {
          settings: JSON.stringify(settings),
          nextRunAt: nextRun,
          isFullDue: isNewSelection,
          lookDueAt: isNewSchedule ? next : undefined,
        })
        if (isNewSelection) await forgetSubjects(tx, mirrorId)
        const events = await settleObjective(tx, mirrorId, new Date(at))
        await appendEvents(tx, [eventOf('mirror.changed', mirror, { actor, at }, { change }), ...events])
      })
      o.wake()
      return o.show(mirrorId)
    },
  }
}
