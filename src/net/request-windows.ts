/** The windows of one account, a kind of request each. */
import type { BudgetMemory } from './learned-budget.ts'
import { type RequestKind, windowOf } from './registry-windows.ts'
import { createRequestWindow, type RequestWindow } from './request-window.ts'

export interface RequestWindows {
  of(kind: RequestKind): RequestWindow
  /** A 429 speaks for what the registry counts together with `kind`, `all` for everything: their windows are halved, if this one is. */
  refuse(kind: RequestKind, trip: ReturnType<RequestWindow['begin']>, isOfAll: boolean): void
  readonly used: ReadonlyMap<RequestKind, RequestWindow>
}

export function createRequestWindows(o: {
  readonly host: string
  readonly most: number
  readonly nowMs: () => number
  readonly memory: BudgetMemory
}): RequestWindows {
  const { host, most, nowMs, memory } = o
  const used = new Map<RequestKind, RequestWindow>()
  return {
    used,
    of(kind) {
      let window = used.get(kind)
      if (window === undefined) {
        const made = createRequestWindow({
          most,
          nowMs,
          onJudged: () => memory.keepWindow({ kind, requests: made.size, atMs: made.changedMs }),
        })
        window = made
        used.set(kind, window)
      }
      const kept = memory.windowOf(kind)
      if (kept !== undefined) window.adopt(kept.requests, kept.atMs)
      return window
    },
    refuse(kind, trip, isOfAll) {
      if (used.get(kind)?.refused(trip) !== true) return
      for (const [other, window] of used) {
        if (other !== kind && (isOfAll || windowOf(host, other) === windowOf(host, kind))) window.halve()
      }
    },
  }
}
