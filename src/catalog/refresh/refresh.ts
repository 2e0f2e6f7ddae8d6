/** One refresh of one catalog, under a lease: names, definitions, and a few images. */

import type { Database, Transaction } from '../../db/engine/engine.ts'
import { listKnownEntries } from '../../db/mirrors/catalog-entries.ts'
import { findCatalog, updateCatalog } from '../../db/mirrors/catalogs.ts'
import { findUpstreamById } from '../../db/mirrors/upstreams.ts'
import { findLease } from '../../db/platform/leases.ts'
import type { CatalogRow, CatalogSource, UpstreamRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { acquireLease, type Lease } from '../../jobs/leases.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { backoffMs } from '../../lib/retry.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import type { RegistryReader, RepositoryReader } from '../../oci/repository.ts'
import { type DefinedEntry, definedEntries, type UselessFolders } from '../definitions/entries.ts'
import { applyReading } from './apply.ts'
import { type DefinitionsPlaces, definitionsPlace, type Place } from './definitions.ts'
import { givenNames, listNames, whyShrunk } from './names.ts'
import { readImages } from './read-images.ts'

export const CATALOG_LEASE = 'catalog:'
const LEASE_TTL_MS = 30_000
const MAX_READ_MS = 10 * 60_000
const EVERY_MS = 6 * 60 * 60 * 1000
/** While there are images that nothing was read of. */
const SOON_MS = 30 * 60 * 1000
const FAILED = { firstMs: 5 * 60_000, factor: 2, maxMs: EVERY_MS }
/** A catalog that nobody has looked at for so long is not read any more. */
const WANTED_MS = 30 * 24 * 60 * 60 * 1000
const MAX_NOTES = 50

export interface RefreshOptions {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  /** Of this process. */
  readonly holder: string
  readonly places: DefinitionsPlaces
  /** How long listing names may take. */
  readonly maxNamesMs?: number
  readonly openRegistry: (upstream: UpstreamRow) => RegistryReader
  readonly openRepository: (upstream: UpstreamRow, repository: RepositoryName) => RepositoryReader
}

interface Turn {
  readonly row: CatalogRow
  readonly upstream: UpstreamRow
  readonly signal: AbortSignal
  step(work: (tx: Transaction) => Promise<void>): Promise<void>
}

/** What reading the definitions came to; `entries` undefined: what was read before stays. */
interface Defined {
  readonly place: Place | undefined
  readonly entries: readonly DefinedEntry[] | undefined
  readonly etag: string | null
  readonly notes: readonly string[]
  readonly problem: string | null
}

/** @returns false when another server is at it */
export function createRefresh(o: RefreshOptions): (upstreamId: string, closing: AbortSignal) => Promise<boolean> {
  const { db, clock } = o
  const useless: UselessFolders = new Map()
  const now = () => isoTime(clock.now())
  const after = (ms: number) => isoTime(new Date(clock.now().getTime() + ms))

  /** What was written by another server, or is about settings of before, does not count. */
  function stepOf(lease: Lease, row: CatalogRow): Turn['step'] {
    return (work) =>
      db.write(async (tx) => {
        const held = await findLease(tx, lease.key)
        const present = await findCatalog(tx, row.upstream_id)
        if (held?.generation !== lease.generation || held.holder === null || present?.version !== row.version) {
          throw new AppError('CANCELLED', `the catalog of ${row.upstream_id} is read anew`)
        }
        await work(tx)
      })
  }

  async function readDefinitions({ row, upstream, signal }: Turn): Promise<Defined> {
    const place = definitionsPlace(o.places, upstream, row)
    const none = { place, ...unread(row), problem: null }
    if (place === undefined) return { ...none, entries: [], etag: null, notes: [] }
    try {
      const isSame = row.definitions_from === place.from && row.definitions_problem === null
      const read = await place.read(isSame ? row.definitions_etag : null, signal)
      if (read === undefined) return none
      const known = new Map(
        (await listKnownEntries(db.read, upstream.id)).flatMap((one) =>
          one.summary_digest === null ? [] : [[one.summary_digest, one.repository] as const],
        ),
      )
      const notes = [...read.files.notes]
      const entries: DefinedEntry[] = []
      const note = (text: string) => {
        if (notes.length < MAX_NOTES) notes.push(text)
      }
      for await (const entry of definedEntries(read.files, known, note, useless)) {
        if (signal.aborted) throw cancelledBy(signal)
        entries.push(entry)
      }
      const isAccepted = row.accept_shrink === 1 || row.definitions_from !== place.from
      const shrunk = isAccepted ? undefined : whyShrunk('the definitions hold', row.definitions_entries, entries.length)
      if (shrunk !== undefined) return { ...none, problem: shrunk }
      return { place, entries, etag: read.etag, notes: notes.slice(0, MAX_NOTES), problem: null }
    } catch (error) {
      if (signal.aborted) throw cancelledBy(signal)
      if (!isAppError(error)) o.logger.error({ err: error, upstream: upstream.name }, 'definitions could not be read')
      return { ...none, problem: isAppError(error) ? error.message : 'the definitions could not be read' }
    }
  }

  /** @throws AppError when there are no names, or fewer than can be believed */
  async function readNames(turn: Turn, defined: Defined): Promise<{ source: CatalogSource; names: readonly string[] }> {
    const { row, upstream, signal } = turn
    const given = givenNames(row)
    if (given !== undefined) return { source: 'given', names: [...new Set(given)].sort() }
    const believe = (source: CatalogSource, names: readonly string[]) => {
      const before = row.source === source && row.read_at !== null && row.accept_shrink === 0 ? row.entries : 0
      const shrunk = whyShrunk(`${upstream.name} lists`, before, names.length)
      if (shrunk !== undefined) throw new AppError('UPSTREAM_INVALID', shrunk)
      return { source, names }
    }
    try {
      return believe('registry', await listNames(o.openRegistry(upstream), upstream.name, signal, o.maxNamesMs))
    } catch (error) {
      const hasNoList = isAppError(error, 'UPSTREAM_UNSUPPORTED') || isAppError(error, 'UPSTREAM_DENIED')
      if (signal.aborted || !hasNoList || defined.place === undefined) throw error
      if (defined.problem !== null) throw new AppError('UPSTREAM_UNAVAILABLE', defined.problem, { cause: error })
      const names =
        defined.entries?.map(({ repository }) => repository) ??
        (await listKnownEntries(db.read, upstream.id)).map(({ repository }) => repository)
      if (names.length === 0) throw error
      return believe('definitions', [...names].sort())
    }
  }

  async function refresh(turn: Turn): Promise<void> {
    const { row, upstream, step } = turn
    const tried = { tried_at: now() }
    const defined = await readDefinitions(turn)
    let reading: Awaited<ReturnType<typeof readNames>>
    try {
      reading = await readNames(turn, defined)
    } catch (error) {
      if (turn.signal.aborted) throw cancelledBy(turn.signal)
      if (!isAppError(error)) o.logger.error({ err: error, upstream: upstream.name }, 'a catalog could not be read')
      const code = isAppError(error) ? error.code : 'INTERNAL'
      const failed = row.failed_reads + 1
      const isPatient = code === 'UPSTREAM_UNSUPPORTED' || code === 'UPSTREAM_DENIED'
      await step((tx) =>
        updateCatalog(tx, upstream.id, {
          ...tried,
          failed_reads: failed,
          problem_code: code,
          problem: isAppError(error) ? error.message : 'the catalog could not be read',
          problem_since: row.problem_code === code ? row.problem_since : tried.tried_at,
          next_at: after(isPatient ? EVERY_MS : backoffMs(failed, FAILED, o.random)),
        }),
      )
      return
    }
    const { source, names } = reading
    const { refused } = await applyReading(db, step, upstream, names, { defined: defined.entries, at: tried.tried_at })
    const kept = refused === undefined ? defined : { ...defined, ...unread(row), problem: refused }
    const told = {
      definitions_from: kept.place?.from ?? null,
      definitions_problem: kept.problem,
      definitions_etag: kept.etag,
      definitions_notes: JSON.stringify(kept.notes),
      ...(kept.entries === undefined
        ? {}
        : {
            definitions_entries: kept.entries.length,
            definitions_read_at: kept.place === undefined ? null : tried.tried_at,
          }),
    }
    await step((tx) =>
      updateCatalog(tx, upstream.id, {
        ...tried,
        ...told,
        ...{ source, entries: names.length, read_at: tried.tried_at, failed_reads: 0, accept_shrink: 0 },
        ...{ problem_code: null, problem: null, problem_since: null },
      }),
    )
    const open = (repository: RepositoryName) => o.openRepository(upstream, repository)
    const hasMore = await readImages(o, upstream, open, step, turn.signal)
    // Room is made by people, who ask for the next read themselves.
    const mayRest = defined.problem === null || refused !== undefined
    const next = hasMore ? SOON_MS : mayRest ? EVERY_MS : FAILED.firstMs
    await step((tx) => updateCatalog(tx, upstream.id, { next_at: after(next * (0.9 + 0.2 * o.random())) }))
  }

  return async (upstreamId, closing) => {
    const key = `${CATALOG_LEASE}${upstreamId}`
    const lease = await acquireLease({ db, clock, key, holder: o.holder, ttlMs: LEASE_TTL_MS })
    if (lease === undefined) return false
    const deadline = AbortSignal.timeout(MAX_READ_MS)
    const signal = AbortSignal.any([closing, lease.signal, deadline])
    try {
      const row = await findCatalog(db.read, upstreamId)
      const upstream = await findUpstreamById(db.read, upstreamId)
      if (row === undefined || upstream === undefined || row.next_at === null || row.next_at > now()) return true
      const step = stepOf(lease, row)
      if (row.wanted_at < isoTime(new Date(clock.now().getTime() - WANTED_MS))) {
        await step((tx) => updateCatalog(tx, upstreamId, { next_at: null }))
        return true
      }
      await refresh({ row, upstream, signal, step })
      return true
    } catch (error) {
      if (!deadline.aborted || closing.aborted || lease.signal.aborted) throw error
      await db.write((tx) => updateCatalog(tx, upstreamId, { next_at: after(SOON_MS), tried_at: now() }))
      return true
    } finally {
      await lease.release()
    }
  }
}

/** What was read of definitions before stays. */
function unread(row: CatalogRow): Pick<Defined, 'entries' | 'etag' | 'notes'> {
  return { entries: undefined, etag: row.definitions_etag, notes: JSON.parse(row.definitions_notes) as string[] }
}
