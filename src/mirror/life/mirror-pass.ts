import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { HeldBudget } from '../../lib/held.ts'
import type { MirrorEngineOptions } from '../engine.ts'
import { runPass } from '../pass/run.ts'
import type { RunReport } from '../pass/run-report.ts'
import type { PassRun } from './execution.ts'
import { priorityOf } from './places.ts'
import { nextPassMs } from './schedule.ts'
import { settingsOf } from './settings.ts'

/** @returns the pass of a run of a mirror */
export function createMirrorPass(
  o: Pick<MirrorEngineOptions, 'db' | 'openSource' | 'openWriter'> & {
    readonly clock: Clock
    readonly intervalMs: number
    readonly transfersPerRun: number
    readonly held: HeldBudget
  },
): (mirror: MirrorRecord, pass: PassRun) => Promise<RunReport> {
  return (mirror, { run, lease, counts, signal, meter, changed }) =>
    runPass(
      {
        engine: o,
        clock: o.clock,
        transfers: o.transfersPerRun,
        held: o.held,
        mirror,
        binding: { runId: run.id, leaseKey: lease.key, generation: lease.generation },
        isFull: run.isFull,
        selection: settingsOf(mirror).selection,
        only: run.only,
        hinted: run.hinted,
        acceptShrink: run.acceptShrink,
        nextPassMs: nextPassMs(mirror.settings, o.clock.now(), o.intervalMs),
        exactly: run.exactly,
        signal,
        priority: priorityOf(run.trigger),
        meter,
        changed,
      },
      counts,
    )
}
