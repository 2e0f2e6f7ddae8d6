/** Catalogs of upstreams: read by schedule for those who look at them, and at once when somebody asks. */
import type { CatalogChange } from '../api/catalog.ts'
import { countDefinitions, findCatalog, listDueCatalogs, updateCatalog, wantCatalog } from '../db/mirrors/catalogs.ts'
import { voidLeases } from '../db/platform/leases.ts'
import type { CatalogRow, UpstreamRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Sleep } from '../lib/retry.ts'
import { parseDefinitionsUrl } from './refresh/definitions.ts'
import { createRefreshLoop } from './refresh/loop.ts'
import { CATALOG_LEASE, createRefresh, type RefreshOptions } from './refresh/refresh.ts'

export interface Catalogs {
  /** Notes, in the background, that somebody looks at it. */
  want(upstreamId: string, known: CatalogRow | undefined): void
  /** Makes it due now; one that was read a moment ago is not read again, unless it is forced. */
  refresh(upstreamId: string, o?: { readonly acceptShrink?: boolean; readonly isForced?: boolean }): Promise<void>
  /** Where its names and definitions come from. @throws AppError INVALID_REQUEST, CONFLICT when others of the organization have too many definitions */
  change(upstream: Pick<UpstreamRow, 'id' | 'organization_id'>, change: CatalogChange): Promise<void>
  /** Reads it now if it is due. @returns false when another server is at it */
  work(upstreamId: string): Promise<boolean>
  resume(o: { readonly isAlone: boolean }): Promise<void>
  close(): Promise<void>
}

export interface CatalogsOptions extends Omit<RefreshOptions, 'random' | 'holder'> {
  readonly random?: () => number
  readonly sleep?: Sleep
}

const WANTED_AGAIN_MS = 24 * 60 * 60 * 1000
/** Upstreams of one organization with definitions of their own: each is fetched, unpacked and parsed by this process. */
const MAX_DEFINED = 4
/** However often people ask, a registry is asked no oftener. */
const ASKED_AGAIN_MS = 20_000

/** Nothing happens by itself before `resume`. */
export function createCatalogs(options: CatalogsOptions): Catalogs {
  const { db, clock, logger } = options
  const closing = new AbortController()
  const refresh = createRefresh({ ...options, random: options.random ?? Math.random, holder: newId() })
  const work = (id: string) => refresh(id, closing.signal)
  const loop = createRefreshLoop({
    clock,
    logger,
    work,
    listDue: (at, limit) => listDueCatalogs(db.read, at, limit),
    ...(options.sleep === undefined ? {} : { sleep: options.sleep }),
  })
  const now = () => isoTime(clock.now())
  return {
    want(upstreamId, known) {
      if (known !== undefined && known.next_at !== null && isWithin(clock, known.wanted_at, WANTED_AGAIN_MS)) return
      db.later.add(`catalog ${upstreamId}`, async (tx) => {
        await wantCatalog(tx, upstreamId, now())
        // In the next transaction: before this one is done, nothing is due.
        db.later.add('catalogs wake', async () => loop.wake())
      })
    },
    async refresh(upstreamId, { acceptShrink = false, isForced = acceptShrink } = {}) {
      await db.write(async (tx) => {
        await wantCatalog(tx, upstreamId, now())
        const row = await findCatalog(tx, upstreamId)
        if (row === undefined) return
        const isFresh = row.tried_at !== null && isWithin(clock, row.tried_at, ASKED_AGAIN_MS)
        if (isFresh && !isForced) return
        await updateCatalog(tx, upstreamId, { next_at: now(), ...(acceptShrink ? { accept_shrink: 1 } : {}) })
      })
      loop.wake()
    },
    async change({ id: upstreamId, organization_id: owner }, { names, definitions }) {
      const url = typeof definitions === 'string' ? parseDefinitionsUrl(definitions) : definitions
      await db.write(async (tx) => {
        await wantCatalog(tx, upstreamId, now())
        const row = await findCatalog(tx, upstreamId)
        if (row === undefined)
          throw new AppError('NOT_FOUND', 'the upstream is gone', { about: { reason: 'absent', what: 'upstream' } })
        if (
          typeof url === 'string' &&
          owner !== null &&
          (await countDefinitions(tx, owner, upstreamId)) >= MAX_DEFINED
        ) {
          throw new AppError(
            'CONFLICT',
            `${MAX_DEFINED} upstreams of this organization have definitions already: take them from one first (--no-definitions)`,
            { about: { reason: 'full', what: 'definitions', most: MAX_DEFINED } },
          )
        }
        await updateCatalog(tx, upstreamId, {
          ...(names === undefined ? {} : { names: names === null ? null : JSON.stringify(names) }),
          ...(url === undefined ? {} : { definitions_url: url, definitions_etag: null }),
          // Another list than the one of before: it cannot be held against that.
          accept_shrink: 1,
          version: row.version + 1,
          next_at: now(),
        })
      })
      loop.wake()
    },
    work,
    async resume({ isAlone }) {
      if (isAlone) await db.write((tx) => voidLeases(tx, CATALOG_LEASE))
      loop.begin()
    },
    async close() {
      closing.abort(new AppError('CANCELLED', 'the server was shut down'))
      await loop.close()
    },
  }
}

/** A time in the future is one of a clock that was set back. */
function isWithin(clock: Clock, time: string, ms: number): boolean {
  const passed = clock.now().getTime() - Date.parse(time)
  return passed >= 0 && passed < ms
}
