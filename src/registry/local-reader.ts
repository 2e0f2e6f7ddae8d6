/** A repository of our own storage as the mirror and the replication read it: published content only. */
import type { BlobStore } from '../blobs/blob-store.ts'
import { findRepositoryBlob } from '../db/content/blobs.ts'
import { findManifest, listManifests, listReferrers } from '../db/content/manifests.ts'
import { findTag, listTags } from '../db/content/tags.ts'
import type { Database } from '../db/engine/engine.ts'
import { AppError, isAppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, verifyDigest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryReader } from '../oci/repository.ts'
import { noticeDamage } from './notice-damage.ts'

const PAGE_ROWS = 500

export interface LocalStorage {
  readonly db: Database
  readonly blobs: BlobStore
}

/** Opens the repository with this id; one that does not exist is empty. */
export function openLocalReader({ db, blobs }: LocalStorage, repositoryId: string): RepositoryReader {
  const findDescriptor = async (digest: Digest): Promise<Descriptor | undefined> =>
    (await listManifests(db.read, repositoryId, [digest])).get(digest)

  async function* pageReferrers(subject: Digest, signal?: AbortSignal): AsyncGenerator<Descriptor> {
    let after: Digest | undefined
    do {
      throwIfAborted(signal)
      const page = await listReferrers(db.read, repositoryId, subject, { after, limit: PAGE_ROWS })
      yield* page
      after = page.length < PAGE_ROWS ? undefined : page.at(-1)?.digest
    } while (after !== undefined)
  }

  return {
    async *listTags(o = {}) {
      let after: string | undefined
      do {
        throwIfAborted(o.signal)
        const page = await listTags(db.read, repositoryId, { after, limit: PAGE_ROWS })
        for (const row of page) yield { tag: row.name as Tag, digest: row.digest as Digest }
        after = page.length < PAGE_ROWS ? undefined : page.at(-1)?.name
      } while (after !== undefined)
    },
    async resolve(reference, o = {}) {
      throwIfAborted(o.signal)
      if (reference.digest !== undefined) return findDescriptor(reference.digest)
      const tag = await findTag(db.read, repositoryId, reference.tag)
      return tag === undefined ? undefined : findDescriptor(tag.digest as Digest)
    },
    async readManifest(of, o = {}) {
      throwIfAborted(o.signal)
      const found = await findManifest(db.read, repositoryId, of.digest)
      if (found === undefined) return undefined
      verifyDigest(of.digest, found.bytes)
      return {
        descriptor: { mediaType: found.mediaType, digest: found.digest, size: found.sizeBytes },
        bytes: found.bytes,
      }
    },
    async openBlob(blob, o = {}) {
      throwIfAborted(o.signal)
      const found = await findRepositoryBlob(db.read, repositoryId, blob.digest)
      if (found === undefined) throw new AppError('BLOB_UNKNOWN', `blob ${blob.digest} is not in the repository`)
      const totalBytes = found.size_bytes
      const offset = Math.min(o.offset ?? 0, totalBytes)
      const length = Math.min(o.length ?? totalBytes, totalBytes - offset)
      const range = { from: offset, to: offset + length }
      const stream = await blobs.open(found.storage_key, range).catch(async (error) => {
        if (isAppError(error, 'BLOB_UNKNOWN')) await noticeDamage({ db, blobs }, found)
        throw error
      })
      return { stream, offset, length, totalBytes }
    },
    async listReferrers(subject, o = {}) {
      return { items: pageReferrers(subject.digest, o.signal) }
    },
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelledBy(signal)
}
