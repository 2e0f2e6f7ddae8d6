/** Our own storage as the mirror writes it: staged first, then published in one transaction with tags, history and event. */
import { createHash } from 'node:crypto'
import { findRepositoryBlob, linkBlobs, touchBlobs, touchLink } from '../db/content/blobs.ts'
import { insertManifest, linkManifest } from '../db/content/manifests.ts'
import { findQuotaBytes, reserveStage } from '../db/content/quota.ts'
import { createGroupCommit, type GroupCommit } from '../db/engine/group-commit.ts'
import { findFetchedBlob } from '../db/mirrors/fetched-content.ts'
import type { MirrorBinding } from '../db/mirrors/mirror-binding.ts'
import { publishMirrored } from '../db/mirrors/publish.ts'
import { unlinkReferrers } from '../db/mirrors/unlisted-referrers.ts'
import { findRepositoryById } from '../db/repositories/repositories.ts'
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { type Clock, isoTime, systemClock } from '../lib/clock.ts'
import { createKeyedTurns, type KeyedTurns } from '../lib/held-turns.ts'
import { attestedBy } from '../oci/attested.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, verifyDigest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import type { BlobSink, RepositoryWriter } from '../oci/repository.ts'
import { type BlobSinkOptions, openBlobSink } from './blob-sink.ts'
import { FRESH_MS } from './collection/waits.ts'
import { prepareVerdicts, whyImmutable } from './immutable.ts'
import type { LocalStorage } from './local-reader.ts'

export interface LocalWriterOptions extends LocalStorage {
  readonly clock?: Clock
  /** Blobs of this size and more may come in pieces, in any order; 64 MiB when left out. */
  readonly largeBytes?: number
}

const LARGE_BYTES = 64 * 1024 * 1024

interface Shared extends LocalStorage {
  readonly commit: GroupCommit
  readonly turns: KeyedTurns
  readonly largeBytes: number
  readonly now: () => string
}

/** Makes the function that opens writers; what one process's writers share (batches of commits, downloads) is made once. */
export function createLocalWriters(o: LocalWriterOptions): (binding: MirrorBinding) => RepositoryWriter {
  const clock = o.clock ?? systemClock
  const shared: Shared = {
    db: o.db,
    blobs: o.blobs,
    commit: createGroupCommit(o.db),
    turns: createKeyedTurns(),
    largeBytes: o.largeBytes ?? LARGE_BYTES,
    now: () => isoTime(clock.now()),
  }
  return (binding) => openLocalWriter(shared, binding)
}

function openLocalWriter(shared: Shared, binding: MirrorBinding): RepositoryWriter {
  const { db, commit, now } = shared
  return {
    async stageBlob(blob, o = {}) {
      // The same bytes from the same source are fetched by one run at a time; whoever waited finds them fetched.
      const release = await shared.turns.take(turnOf(binding, blob), o.signal)
      try {
        if (await linkPresent(shared, binding, blob)) {
          release()
          return 'present'
        }
        if ((await findQuotaBytes(db.read, binding.organizationId)) !== undefined) {
          const wanted = { bytes: blob.size, digest: blob.digest, at: now() }
          await commit((tx) => reserveStage(tx, binding.organizationId, stageId(binding, blob), wanted))
        }
        const order = o.order ?? (blob.size >= shared.largeBytes ? 'any' : 'sequential')
        return await openSink(shared, binding, blob, { order, release, signal: o.signal })
      } catch (error) {
        release()
        throw error
      }
    },
    async writeManifest({ descriptor, bytes }, o = {}) {
      if (o.signal?.aborted) throw cancelledBy(o.signal)
      verifyDigest(descriptor.digest, bytes)
      const parsed = parseManifest(bytes, descriptor.mediaType, algorithmOf(descriptor.digest))
      const at = now()
      await commit(async (tx) => {
        const newBytes = await insertManifest(tx, parsed, bytes, at)
        await linkManifest(tx, binding.repositoryId, {
          digest: descriptor.digest,
          mediaType: descriptor.mediaType,
          subjectDigest: parsed.subject?.digest,
          mirroredAt: at,
          attested: attestedBy(parsed),
          newBytes,
        })
      })
    },
    async publish(change, _read, o = {}) {
      if (o.signal?.aborted) throw cancelledBy(o.signal)
      await prepareVerdicts(
        await findRepositoryById(db.read, binding.repositoryId),
        change.tags.map(({ tag }) => tag),
      )
      return db.write((tx) => publishMirrored(tx, binding, { ...change, at: now(), whyImmutable }))
    },
    async unlink(referrers, o = {}) {
      if (o.signal?.aborted) throw cancelledBy(o.signal)
      return db.write((tx) => unlinkReferrers(tx, binding, { referrers, at: now() }))
    },
  }
}

/**
 * Links without transfer: what the repository has already, or what this organization fetched from the same address and credential.
 * Bytes that others hold are never linked by their digest alone (design, invariant 2).
 * @throws AppError SIZE_INVALID when what is here has another size than the descriptor says
 */
async function linkPresent(shared: Shared, binding: MirrorBinding, blob: Descriptor): Promise<boolean> {
  const { db, commit, now } = shared
  const here = await findRepositoryBlob(db.read, binding.repositoryId, blob.digest, { staged: true })
  if (here !== undefined) {
    refuseOtherSize(blob, here.size_bytes)
    const isFresh = here.doomed_at === null && Date.parse(now()) - Date.parse(here.linked_at) < FRESH_MS
    // Nothing may need it yet: the collector is kept away, or was faster.
    return isFresh || commit((tx) => touchLink(tx, binding.repositoryId, blob.digest, now()))
  }
  const { organizationId, sourceKey } = binding
  const find = (queries: typeof db.read) => findFetchedBlob(queries, { organizationId, sourceKey, digest: blob.digest })
  const fetched = await find(db.read)
  if (fetched === undefined) return false
  refuseOtherSize(blob, fetched.size_bytes)
  return commit(async (tx) => {
    // Collected since? Then it is fetched again.
    if ((await find(tx)) === undefined) return false
    await touchBlobs(tx, [blob.digest], now())
    await linkBlobs(tx, binding.repositoryId, [blob.digest], { publishedAt: null, at: now() })
    return true
  })
}

function openSink(
  shared: Shared,
  binding: MirrorBinding,
  blob: Descriptor,
  o: Pick<BlobSinkOptions, 'order' | 'release' | 'signal'>,
): Promise<BlobSink> {
  return openBlobSink({ ...shared, ...o, binding, blob, stageId: stageId(binding, blob) })
}

function refuseOtherSize(blob: Descriptor, bytes: number): void {
  if (bytes === blob.size) return
  throw new AppError('SIZE_INVALID', `the manifest says that ${blob.digest} has ${blob.size} bytes, it has ${bytes}`)
}

function turnOf(binding: MirrorBinding, blob: Descriptor): string {
  return JSON.stringify([binding.organizationId, binding.sourceKey, blob.digest])
}

/**
 * One stage per organization, source, digest and size: a download goes on after a restart, nobody builds on the bytes of another
 * source, and a manifest that lies about the size spoils nobody's download.
 */
function stageId(binding: MirrorBinding, blob: Descriptor): string {
  const key = JSON.stringify([turnOf(binding, blob), blob.size])
  return `mirror-${createHash('sha256').update(key).digest('hex')}`
}
