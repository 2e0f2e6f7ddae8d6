/** Live progress: counted by the run, followed by whoever watches. Nothing here is stored. */
import type { Progress } from '../../api/progress.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Sleep } from '../../lib/retry.ts'
import { saturate } from '../../lib/saturate.ts'
import { createCurrentWork } from '../pass/current.ts'
import type { RunMeter } from '../pass/meter.ts'

/** Moments that follow each other faster than this are shown as one. */
const MIN_GAP_MS = 200

export interface ProgressBoard {
  /** A new meter, shown from now on as the mirror's present run. `changed` tells the watchers. */
  open(run: {
    readonly mirrorId: string
    readonly mirror: string
    readonly runId: string
    /** How many come before it, while it waits. */
    ahead(): number | undefined
  }): {
    readonly meter: RunMeter
    changed(): void
  }
  /** Tells all watchers: places in the queue have changed. */
  changed(): void
  /** The last moment of the mirror in this process. */
  find(mirrorId: string): Progress | undefined
  /** `first` at once, then each change; ends when `signal` aborts. */
  follow(mirrorId: string, first: Progress | undefined, signal: AbortSignal): AsyncGenerator<Progress>
}

export function createProgressBoard({ clock, sleep }: { readonly clock: Clock; readonly sleep: Sleep }): ProgressBoard {
  const present = new Map<string, () => Progress>()
  const watchers = new Map<string, Set<() => void>>()

  return {
    open({ mirrorId, mirror, runId, ahead }) {
      const meter: RunMeter = {
        phase: 'waiting',
        outcome: 'running',
        tagsDone: 0,
        tagsTotal: undefined,
        manifestsDone: 0,
        manifestsTotal: undefined,
        bytesDone: 0,
        bytesTotal: undefined,
        failed: 0,
        leftOut: 0,
        current: createCurrentWork(),
      }
      const snapshot = (): Progress => ({
        at: isoTime(clock.now()),
        mirror,
        runId,
        phase: meter.phase,
        outcome: meter.outcome,
        tags: { done: meter.tagsDone, total: meter.tagsTotal ?? null },
        manifests: { done: meter.manifestsDone, total: meter.manifestsTotal ?? null },
        bytes: {
          done: saturate(meter.bytesDone),
          total: meter.bytesTotal === undefined ? null : saturate(meter.bytesTotal),
        },
        failed: meter.failed,
        leftOut: meter.leftOut,
        ahead: meter.phase === 'waiting' ? (ahead() ?? null) : null,
        current: meter.phase === 'waiting' || meter.phase === 'ended' ? null : (meter.current.find() ?? null),
      })
      present.set(mirrorId, snapshot)
      const changed = () => {
        for (const wake of watchers.get(mirrorId) ?? []) wake()
      }
      changed()
      return { meter, changed }
    },
    changed() {
      for (const mine of watchers.values()) for (const wake of mine) wake()
    },
    find: (mirrorId) => present.get(mirrorId)?.(),
    async *follow(mirrorId, first, signal) {
      // Latest wins within one run, but each run's end is shown.
      const pending: Progress[] = first === undefined ? [] : [first]
      let wake = () => {}
      const note = () => {
        const now = present.get(mirrorId)?.()
        if (now === undefined) return
        const last = pending.at(-1)
        if (last !== undefined && last.runId === now.runId) pending[pending.length - 1] = now
        else pending.push(now)
        wake()
      }
      const mine = watchers.get(mirrorId) ?? new Set()
      watchers.set(mirrorId, mine.add(note))
      try {
        for (;;) {
          const next = pending.shift()
          if (next !== undefined) {
            yield next
            await sleep(MIN_GAP_MS, signal)
          } else {
            await new Promise<void>((resolve, reject) => {
              const giveUp = () => reject(cancelledBy(signal))
              wake = () => {
                signal.removeEventListener('abort', giveUp)
                resolve()
              }
              if (signal.aborted) giveUp()
              else signal.addEventListener('abort', giveUp, { once: true })
            })
          }
        }
      } catch (error) {
        if (!signal.aborted) throw error
      } finally {
        mine.delete(note)
        if (mine.size === 0 && watchers.get(mirrorId) === mine) watchers.delete(mirrorId)
      }
    },
  }
}
