/** Begins the refreshes that are due, two at a time, one of an organization, organizations in turn: a slow registry or archive holds up its own. */
import type { DueCatalog } from '../../db/mirrors/catalogs.ts'
import { isCancelled } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { type Sleep, systemSleep } from '../../lib/retry.ts'

const AT_ONCE = 2
/** Of those that are due; the rest has its turn later. */
const LOOKED_AT = 1000
/** So that what another server's people asked for is noticed. */
const LOOK_MS = 10_000
/** How long one waits that another server is at, or that ended in an error. */
const AGAIN_MS = 30_000

export interface RefreshLoop {
  begin(): void
  wake(): void
  close(): Promise<void>
}

export function createRefreshLoop(o: {
  readonly clock: Clock
  readonly logger: Logger
  readonly sleep?: Sleep
  /** @returns false when another server is at it */
  work(id: string): Promise<boolean>
  listDue(at: string, limit: number): Promise<DueCatalog[]>
}): RefreshLoop {
  const sleep = o.sleep ?? systemSleep
  const closing = new AbortController()
  const running = new Map<string, { readonly whose: string; readonly work: Promise<void> }>()
  const later = new Map<string, number>()
  /** The turn that an organization had last; those that nothing is due of are forgotten. */
  const turns = new Map<string, number>()
  let turn = 0
  let nap = new AbortController()
  let looking: Promise<void> | undefined

  async function one(id: string): Promise<void> {
    try {
      if (await o.work(id)) return
    } catch (error) {
      // Another server has it, or people have changed it: it is due still.
      if (isCancelled(error)) return
      o.logger.error({ err: error, upstream: id }, 'a catalog could not be refreshed')
    }
    later.set(id, o.clock.now().getTime() + AGAIN_MS)
  }

  async function look(): Promise<void> {
    const now = o.clock.now()
    for (const [id, time] of later) if (time <= now.getTime() || time > now.getTime() + AGAIN_MS) later.delete(id)
    const due = (await o.listDue(isoTime(now), LOOKED_AT)).map(({ id, organization }) => {
      return { id, whose: organization ?? `shared ${id}` }
    })
    const busy = new Set([...running.values()].map(({ whose }) => whose))
    const known = new Set([...busy, ...due.map(({ whose }) => whose)])
    for (const whose of turns.keys()) if (!known.has(whose)) turns.delete(whose)
    // Whoever has many is due for longest: that would be their turn each time.
    for (const { id, whose } of due.toSorted((a, b) => (turns.get(a.whose) ?? 0) - (turns.get(b.whose) ?? 0))) {
      if (running.size >= AT_ONCE || running.has(id) || later.has(id) || busy.has(whose)) continue
      busy.add(whose)
      turns.set(whose, ++turn)
      const work = one(id).finally(() => {
        running.delete(id)
        nap.abort()
      })
      running.set(id, { whose, work })
    }
  }

  async function loop(): Promise<void> {
    while (!closing.signal.aborted) {
      nap = new AbortController()
      await look().catch((error) => o.logger.error({ err: error }, 'catalogs that are due could not be listed'))
      await sleep(LOOK_MS, AbortSignal.any([nap.signal, closing.signal])).catch(() => {})
    }
  }

  return {
    begin() {
      looking ??= loop()
    },
    wake: () => nap.abort(),
    async close() {
      closing.abort()
      await looking
      await Promise.all([...running.values()].map(({ work }) => work))
    },
  }
}
