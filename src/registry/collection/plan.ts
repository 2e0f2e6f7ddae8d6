/** What of a repository goes, with what goes with it: read only. Nothing is held in memory but what goes. */
import { countLinks, listLooseBlobs, readBlobFacts } from '../../db/collection/blob-facts.ts'
import type { CollectedRepository } from '../../db/collection/going.ts'
import {
  listBelow,
  listLooseManifests,
  listNewestSuperseded,
  readManifestFacts,
} from '../../db/collection/manifest-facts.ts'
import { findPortionEnd } from '../../db/collection/portion-end.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { isoTime } from '../../lib/clock.ts'
import { type Judging, judgeBlob, judgeManifest, type Moment } from './judge.ts'

/** Rows that are looked through at once: others have their turn in between. */
const PORTION = 500

export interface RepositoryItem {
  readonly kind: 'manifest' | 'blob'
  readonly digest: string
  readonly sizeBytes: number
  readonly reason: string
  /** Since when it is doomed; undefined: not yet. */
  readonly doomedAt: string | undefined
}

/** Counts that other repositories of the same plan add to: what several have is freed with the last. */
export interface PlannedLinks {
  /** @returns the bytes that go with this item: none while others have the same content */
  take(item: RepositoryItem, links: number): number
}

export function createPlannedLinks(): PlannedLinks {
  const gone = new Map<string, number>()
  return {
    take(item, links) {
      if (links <= 1) return item.sizeBytes
      const key = `${item.kind} ${item.digest}`
      const so = (gone.get(key) ?? 0) + 1
      gone.set(key, so)
      return so >= links ? item.sizeBytes : 0
    },
  }
}

export async function judgingOf(db: Queries, repository: CollectedRepository, moment: Moment): Promise<Judging> {
  const { settings } = moment
  const most = repository.keepNewest ?? Math.max(settings.mirrored.newest, settings.pushed.newest)
  return {
    ...moment,
    repository,
    newest: most > 0 ? await listNewestSuperseded(db, repository.id, most) : new Set(),
  }
}

/** Items from the top down: what lists others before those, manifests before blobs. */
export async function* planRepository(
  db: Queries,
  o: Judging,
  signal?: AbortSignal,
): AsyncGenerator<readonly RepositoryItem[]> {
  const { id } = o.repository
  const gone = new Map<string, { parents: number; subject: boolean }>()
  const taken = new Set<string>()
  const blobParents = new Map<string, number>()

  async function* take(digests: readonly string[]): AsyncGenerator<readonly RepositoryItem[]> {
    let level = digests
    while (level.length > 0 && signal?.aborted !== true) {
      const next = new Set<string>()
      for (let i = 0; i < level.length; i += PORTION) {
        const items: RepositoryItem[] = []
        for (const facts of await readManifestFacts(db, id, level.slice(i, i + PORTION))) {
          const verdict = judgeManifest(facts, o, gone.get(facts.digest))
          if (verdict.kind !== 'due' || taken.has(facts.digest)) continue
          taken.add(facts.digest)
          const { digest, sizeBytes, doomedAt } = facts
          items.push({ kind: 'manifest', digest, sizeBytes, reason: verdict.reason, doomedAt })
        }
        const seen = new Set<string>()
        for (const { holder, kind, digest } of await listBelow(
          db,
          id,
          items.map((item) => item.digest),
        )) {
          // A manifest may list one twice, in different places.
          const key = `${holder} ${kind === 'referrer'} ${digest}`
          if (seen.has(key)) continue
          seen.add(key)
          blobParents.set(digest, (blobParents.get(digest) ?? 0) + (kind === 'referrer' ? 0 : 1))
          if (kind === 'blob') continue
          const known = gone.get(digest) ?? { parents: 0, subject: false }
          if (kind === 'child') known.parents++
          else known.subject = true
          gone.set(digest, known)
          next.add(digest)
        }
        if (items.length > 0) yield items
        await pause()
      }
      level = [...next]
    }
  }

  for await (const range of portions(db, 'repository_manifests', id, signal)) {
    yield* take(await listLooseManifests(db, id, range))
  }
  yield* takeBlobs([...blobParents.keys()])
  const before = isoTime(new Date(o.now.getTime() + 1))
  for await (const range of portions(db, 'repository_blobs', id, signal)) {
    const loose = await listLooseBlobs(db, id, range, before)
    yield* takeBlobs(loose.filter((digest) => !blobParents.has(digest)))
  }

  async function* takeBlobs(digests: readonly string[]): AsyncGenerator<readonly RepositoryItem[]> {
    for (let i = 0; i < digests.length && signal?.aborted !== true; i += PORTION) {
      const items: RepositoryItem[] = []
      for (const facts of await readBlobFacts(db, id, digests.slice(i, i + PORTION))) {
        const verdict = judgeBlob(facts, o, blobParents.get(facts.digest))
        if (verdict.kind !== 'due') continue
        const { digest, sizeBytes, doomedAt } = facts
        items.push({ kind: 'blob', digest, sizeBytes, reason: verdict.reason, doomedAt })
      }
      if (items.length > 0) yield items
      await pause()
    }
  }
}

export async function* portions(
  db: Queries,
  table: 'repository_manifests' | 'repository_blobs',
  repositoryId: string,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly after: string; readonly to: string }> {
  for (let after = ''; signal?.aborted !== true; ) {
    const to = await findPortionEnd(db, { table, repositoryId }, { after, rows: PORTION })
    if (to === undefined) return
    yield { after, to }
    after = to
    await pause()
  }
}

/** Requests have their turn. */
export const pause = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The bytes that each item frees, by the order of the items. */
export async function measureFreed(
  db: Queries,
  items: readonly RepositoryItem[],
  planned: PlannedLinks,
): Promise<number[]> {
  const of = (kind: RepositoryItem['kind']) => items.filter((item) => item.kind === kind).map((item) => item.digest)
  const manifests = await countLinks(db, 'repository_manifests', of('manifest'))
  const blobs = await countLinks(db, 'repository_blobs', of('blob'))
  return items.map((item) => planned.take(item, (item.kind === 'manifest' ? manifests : blobs).get(item.digest) ?? 0))
}
