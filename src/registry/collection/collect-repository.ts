/** What is planned of a repository, done: each condition is looked at again in the transaction that acts on it. */
import { type BlobFacts, readBlobFacts } from '../../db/collection/blob-facts.ts'
import {
  collectBlob,
  collectManifest,
  doomThem,
  listCollected,
  noteHeld,
  noteUnheld,
} from '../../db/collection/going.ts'
import {
  listLooseManifests,
  listNotedSince,
  type ManifestFacts,
  readManifestFacts,
} from '../../db/collection/manifest-facts.ts'
import type { Database, Transaction } from '../../db/engine/engine.ts'
import { assertFence, type Fence } from '../../jobs/fence.ts'
import { isoTime } from '../../lib/clock.ts'
import { isWaitOver, type Judging, judgeBlob, judgeManifest, type Moment, type Verdict } from './judge.ts'
import { judgingOf, pause, planRepository, portions, type RepositoryItem } from './plan.ts'

/** Links that one transaction takes: whoever pushes waits no longer than for these. */
const PER_TRANSACTION = 25
const NOTED = 200

export interface Collecting {
  readonly db: Database
  readonly fence: Fence
  readonly signal?: AbortSignal | undefined
  /** How far it is. */
  readonly onGone: (kind: RepositoryItem['kind'], count: number) => void
}

/** Notes what nothing holds any more, and what is held again. Without it nothing grows old. */
export async function noteRepository(o: Collecting, judging: Judging): Promise<void> {
  const { db, fence, signal } = o
  const { id } = judging.repository
  const at = isoTime(judging.now)
  for await (const range of portions(db.read, 'repository_manifests', id, signal)) {
    const facts = await readManifestFacts(db.read, id, await listLooseManifests(db.read, id, range))
    const fresh = facts.filter((one) => one.since === undefined && isUnheld(one, judging))
    for (let i = 0; i < fresh.length; i += PER_TRANSACTION) {
      const digests = fresh.slice(i, i + PER_TRANSACTION).map(({ digest }) => digest)
      await db.stage(async (tx) => {
        await assertFence(tx, fence)
        const now = await readManifestFacts(tx, id, digests)
        const still = now.filter((one) => one.since === undefined && isUnheld(one, judging))
        await noteUnheld(
          tx,
          id,
          still.map(({ digest }) => digest),
          at,
        )
      })
      await pause()
    }
  }
  for (let after = ''; signal?.aborted !== true; ) {
    const noted = await listNotedSince(db.read, id, after, NOTED)
    if (noted.length === 0) return
    const facts = await readManifestFacts(db.read, id, noted)
    const held = facts.filter((one) => judgeManifest(one, judging).kind === 'held').map(({ digest }) => digest)
    if (held.length > 0)
      await db.stage(async (tx) => {
        await assertFence(tx, fence)
        const now = await readManifestFacts(tx, id, held)
        const still = now.filter((one) => judgeManifest(one, judging).kind === 'held')
        await noteHeld(
          tx,
          id,
          still.map(({ digest }) => digest),
        )
      })
    after = noted.at(-1) ?? after
    await pause()
  }
}

/** Staged content is judged by when it came. */
function isUnheld(facts: ManifestFacts, judging: Judging): boolean {
  return !facts.isStaged && judgeManifest(facts, judging).kind !== 'held'
}

/** @returns whether anything was doomed or taken */
export async function collectRepository(o: Collecting, repositoryId: string, moment: Moment): Promise<boolean> {
  const [repository] = await listCollected(o.db.read, { after: '', limit: 1, id: repositoryId })
  if (repository === undefined) return false
  const judging = await judgingOf(o.db.read, repository, moment)
  let isChanged = false
  for await (const items of planRepository(o.db.read, judging, o.signal)) {
    for (let i = 0; i < items.length && o.signal?.aborted !== true; i += PER_TRANSACTION) {
      const some = items.slice(i, i + PER_TRANSACTION)
      // Nothing to do yet: what was doomed waits.
      if (some.every(({ doomedAt }) => doomedAt !== undefined && !isWaitOver(doomedAt, moment))) continue
      const done = await o.db.stage((tx) => takeSome(tx, o.fence, moment, repositoryId, some))
      if (done.doomed + done.manifests + done.blobs > 0) isChanged = true
      o.onGone('manifest', done.manifests)
      o.onGone('blob', done.blobs)
      await pause()
    }
  }
  return isChanged
}

interface Done {
  doomed: number
  manifests: number
  blobs: number
}

async function takeSome(
  tx: Transaction,
  fence: Fence,
  moment: Moment,
  repositoryId: string,
  items: readonly RepositoryItem[],
): Promise<Done> {
  await assertFence(tx, fence)
  const done: Done = { doomed: 0, manifests: 0, blobs: 0 }
  const [repository] = await listCollected(tx, { after: '', limit: 1, id: repositoryId })
  if (repository === undefined) return done
  const judging = await judgingOf(tx, repository, moment)
  const kinds = { manifest: 'repository_manifests', blob: 'repository_blobs' } as const
  for (const kind of ['manifest', 'blob'] as const) {
    const digests = items.filter((item) => item.kind === kind).map((item) => item.digest)
    // Those that are planned with what holds them are still held here: they are doomed together, and go one after the other.
    const wanted = items.filter((item) => item.kind === kind && item.doomedAt === undefined).map((item) => item.digest)
    const found =
      kind === 'manifest'
        ? await readManifestFacts(tx, repositoryId, digests)
        : await readBlobFacts(tx, repositoryId, digests)
    const doomed = found
      .filter((one) => one.doomedAt === undefined && wanted.includes(one.digest))
      .map((one) => one.digest)
    await doomThem(tx, kinds[kind], repositoryId, doomed, isoTime(judging.now))
    done.doomed += doomed.length
    for (const { digest } of found.filter((one) => isWaitOver(one.doomedAt, judging))) {
      // Those before it may have been what held it.
      const isGone = await takeOne(tx, judging, kind, digest)
      if (isGone && kind === 'manifest') done.manifests++
      else if (isGone) done.blobs++
    }
  }
  return done
}

async function takeOne(
  tx: Transaction,
  judging: Judging,
  kind: RepositoryItem['kind'],
  digest: string,
): Promise<boolean> {
  const { id } = judging.repository
  if (kind === 'blob') {
    const [facts] = await readBlobFacts(tx, id, [digest])
    if (facts === undefined || !isDue(judgeBlob(facts, judging), facts, judging)) return false
    return collectBlob(tx, id, digest)
  }
  const [facts] = await readManifestFacts(tx, id, [digest])
  if (facts === undefined || !isDue(judgeManifest(facts, judging), facts, judging)) return false
  const since = facts.since ?? isoTime(judging.now)
  return collectManifest(tx, id, digest, { since, cause: facts.cause === 'deleted' ? 'deleted' : 'parent' })
}

function isDue(verdict: Verdict, facts: ManifestFacts | BlobFacts, judging: Judging): boolean {
  return verdict.kind === 'due' && isWaitOver(facts.doomedAt, judging)
}
