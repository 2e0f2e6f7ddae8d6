/** What a collection would take, and why; nothing is changed, and nothing of it is promised: others push and pull meanwhile. */
import type { BlobStore } from '../../blobs/blob-store.ts'
import { listCollected } from '../../db/collection/going.ts'
import {
  listTombstones,
  listUnlinkedBlobs,
  listUnlinkedManifests,
  type Tombstone,
} from '../../db/collection/unlinked.ts'
import type { Database } from '../../db/engine/engine.ts'
import { isoTime } from '../../lib/clock.ts'
import { listLostObjects, listLostStages } from './collect-objects.ts'
import { isWaitOver, type Moment } from './judge.ts'
import { createPlannedLinks, judgingOf, measureFreed, planRepository } from './plan.ts'
import { quarterOf, STAGED_MS } from './waits.ts'

/** Items that are named; all are counted. */
const NAMED = 1000
const PAGE = 200

export type PlannedKind = 'manifest' | 'blob' | 'object' | 'orphan' | 'download'

export interface PlannedItem {
  readonly kind: PlannedKind
  /** Undefined: a download. */
  readonly digest: string | undefined
  readonly repository: string | undefined
  /** What goes from the storage with it: 0 while others have the same content. */
  readonly sizeBytes: number
  readonly reason: string
  /** It goes with the first collection from then on; undefined: with the next. */
  readonly goesAt: string | undefined
}

export interface CollectionPlan {
  readonly items: readonly PlannedItem[]
  /** Of all items, those that are not named too. */
  readonly totals: { readonly objects: number; readonly bytes: number }
}

interface Looked {
  readonly db: Database
  readonly blobs: BlobStore
}

/** @param repositoryId of this repository alone: what it links */
export async function previewCollection(
  o: Looked,
  moment: Moment,
  repositoryId?: string,
  signal?: AbortSignal,
): Promise<CollectionPlan> {
  const items: PlannedItem[] = []
  const totals = { objects: 0, bytes: 0 }
  const add = (item: PlannedItem) => {
    totals.objects++
    totals.bytes += item.sizeBytes
    if (items.length < NAMED) items.push(item)
  }
  await addLinked(o, moment, add, repositoryId, signal)
  if (repositoryId === undefined) await addUnlinked(o, moment, add, signal)
  return { items, totals }
}

async function addLinked(
  { db }: Looked,
  moment: Moment,
  add: (item: PlannedItem) => void,
  id: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const planned = createPlannedLinks()
  for (let after = ''; signal?.aborted !== true; ) {
    const page = await listCollected(db.read, { after, limit: PAGE, id })
    if (page.length === 0) return
    for (const repository of page) {
      const judging = await judgingOf(db.read, repository, moment)
      for await (const some of planRepository(db.read, judging, signal)) {
        const freed = await measureFreed(db.read, some, planned)
        some.forEach(({ kind, digest, reason, doomedAt }, i) => {
          const isOver = moment.isNow || isWaitOver(doomedAt, moment)
          const from = doomedAt === undefined ? moment.now.getTime() : Date.parse(doomedAt)
          const goesAt = isOver ? undefined : isoTime(new Date(from + quarterOf(moment.settings.graceMs)))
          add({ kind, digest, repository: repository.name, sizeBytes: freed[i] ?? 0, reason, goesAt })
        })
      }
    }
    after = page.at(-1)?.id ?? after
  }
}

async function addUnlinked(
  { db, blobs }: Looked,
  moment: Moment,
  add: (item: PlannedItem) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { settings, isNow, now } = moment
  const plain = { repository: undefined, goesAt: undefined }
  for (let after: string | undefined = ''; after !== undefined && signal?.aborted !== true; ) {
    const { found, last } = await listUnlinkedManifests(db.read, after)
    for (const { digest, sizeBytes } of found)
      add({ ...plain, kind: 'manifest', digest, sizeBytes, reason: 'no repository has it' })
    after = last
  }
  const before = isoTime(new Date(now.getTime() + (isNow ? 1 : -settings.graceMs)))
  for (let after: string | undefined = ''; after !== undefined && signal?.aborted !== true; ) {
    const { found, last } = await listUnlinkedBlobs(db.read, after, before)
    for (const { digest, sizeBytes, touchedAt } of found)
      add({
        ...plain,
        kind: 'object',
        digest,
        sizeBytes,
        reason: `no repository has it; last asked for at ${touchedAt}`,
      })
    after = last
  }
  for (let after: Tombstone | undefined, isMore = true; isMore && signal?.aborted !== true; ) {
    const buried = await listTombstones(db.read, isoTime(now), { now: isoTime(now), limit: PAGE, after })
    for (const { key, sizeBytes, at } of buried) {
      const goes = Date.parse(at) + quarterOf(settings.graceMs)
      const goesAt = isNow || goes <= now.getTime() ? undefined : isoTime(new Date(goes))
      const reason = `collected at ${at}; its bytes are still stored`
      add({ kind: 'object', digest: digestOfKey(key), repository: undefined, sizeBytes, reason, goesAt })
    }
    isMore = buried.length === PAGE
    after = buried.at(-1)
  }
  for await (const { key, sizeBytes } of listLostObjects({ db, blobs, signal }, moment)) {
    add({
      ...plain,
      kind: 'orphan',
      digest: digestOfKey(key),
      sizeBytes,
      reason: 'stored, and named nowhere for a day',
    })
  }
  for await (const { id, modifiedAt } of listLostStages({ blobs, signal }, moment, STAGED_MS)) {
    const reason = `a download that nobody went on with since ${isoTime(modifiedAt)}`
    add({ ...plain, kind: 'download', digest: undefined, sizeBytes: await blobs.measureStage(id), reason })
  }
}

/** `sha256-<hex>-<random>` is of `sha256:<hex>`. */
function digestOfKey(key: string): string {
  const [algorithm = '', encoded = ''] = key.split('-')
  return `${algorithm}:${encoded}`
}
