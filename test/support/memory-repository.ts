// A repository in memory behind both ports: an upstream that a test can change and make fail, and a second implementation that
// the suite of the ports is held against.
import { AppError } from '../../src/errors.ts'
import { cancelledBy } from '../../src/lib/abort.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { algorithmOf, type Digest, digestOf, verifyDigest } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { isNonDistributable } from '../../src/oci/media-types.ts'
import type { Tag } from '../../src/oci/reference.ts'
import type { Abortable, BlobSink, RepositoryReader, RepositoryWriter, TagOutcome } from '../../src/oci/repository.ts'
import type { Layout } from './fixtures.ts'

export interface StoredManifest {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

export type Call = 'listTags' | 'resolve' | 'readManifest' | 'openBlob' | 'listReferrers'

export interface MemoryRepository {
  readonly tags: Map<string, string>
  readonly manifests: Map<string, StoredManifest>
  readonly blobs: Map<string, Uint8Array>
  /** Blobs that were brought, and that nothing that is published needs yet. */
  readonly staged: ReadonlyMap<string, Uint8Array>
  /** Every call of a reader so far: what, and of what. */
  readonly calls: { readonly call: Call; readonly of: string }[]
  /** Called before each answer of a reader; what it throws is the answer, what it awaits delays it. */
  before: (call: Call, of: string, signal: AbortSignal | undefined) => void | Promise<void>
  reader(): RepositoryReader
  writer(): RepositoryWriter
}

export function memoryRepository(layout?: Pick<Layout, 'tags' | 'manifests' | 'blobs'>): MemoryRepository {
  const tags = new Map(layout?.tags)
  const manifests = new Map<string, StoredManifest>(layout?.manifests)
  const blobs = new Map(layout?.blobs)
  const staged = { manifests: new Map<string, StoredManifest>(), blobs: new Map<string, Uint8Array>() }
  const stages = new Map<string, Uint8Array>()
  const calls: { call: Call; of: string }[] = []

  const describe = (digest: string, stored: StoredManifest): Descriptor => {
    const { artifactType, annotations } = parseManifest(stored.bytes, stored.mediaType).descriptor
    return {
      mediaType: stored.mediaType,
      digest: digest as Digest,
      size: stored.bytes.byteLength,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    }
  }

  const repository: MemoryRepository = {
    tags,
    manifests,
    blobs,
    staged: staged.blobs,
    calls,
    before: () => {},
    reader: () => {
      const enter = async (call: Call, of: string, o: Abortable) => {
        calls.push({ call, of })
        if (o.signal?.aborted) throw cancelledBy(o.signal)
        await repository.before(call, of, o.signal)
        if (o.signal?.aborted) throw cancelledBy(o.signal)
      }
      return {
        async *listTags(o = {}) {
          await enter('listTags', '', o)
          for (const tag of [...tags.keys()].sort()) yield { tag: tag as Tag }
        },
        async resolve(reference, o = {}) {
          await enter('resolve', reference.digest ?? reference.tag, o)
          const digest = reference.digest ?? tags.get(reference.tag)
          const stored = digest === undefined ? undefined : manifests.get(digest)
          if (digest === undefined || stored === undefined) return undefined
          return { mediaType: stored.mediaType, digest: digest as Digest, size: stored.bytes.byteLength }
        },
        async readManifest(of, o = {}) {
          await enter('readManifest', of.digest, o)
          const stored = manifests.get(of.digest)
          if (stored === undefined) return undefined
          verifyDigest(of.digest, stored.bytes)
          const { mediaType, bytes } = stored
          return { descriptor: { mediaType, digest: of.digest, size: bytes.byteLength }, bytes }
        },
        async openBlob(blob, o = {}) {
          await enter('openBlob', blob.digest, o)
          const bytes = blobs.get(blob.digest)
          if (bytes === undefined) throw new AppError('BLOB_UNKNOWN', `there is no blob ${blob.digest}`)
          const offset = Math.min(o.offset ?? 0, bytes.byteLength)
          const length = Math.min(o.length ?? bytes.byteLength, bytes.byteLength - offset)
          const part = bytes.subarray(offset, offset + length)
          const stream = new Blob([new Uint8Array(part)]).stream()
          return { stream, offset, length, totalBytes: bytes.byteLength }
        },
        async listReferrers(subject, o = {}) {
          await enter('listReferrers', subject.digest, o)
          const found = [...manifests].filter(
            ([, { bytes, mediaType }]) => subjectOf(bytes, mediaType) === subject.digest,
          )
          const items = found.map(([digest, stored]) => describe(digest, stored))
          return {
            items: (async function* () {
              yield* items
            })(),
          }
        },
      }
    },
    writer: () => ({
      async stageBlob(blob): Promise<'present' | BlobSink> {
        if (blobs.has(blob.digest) || staged.blobs.has(blob.digest)) return 'present'
        return sinkOf(blob, stages, staged.blobs)
      },
      async writeManifest({ descriptor, bytes }) {
        verifyDigest(descriptor.digest, bytes)
        staged.manifests.set(descriptor.digest, { mediaType: descriptor.mediaType, bytes })
      },
      async publish(change) {
        publishStaged(repository, staged, [
          ...change.roots.map((root) => root.digest),
          ...change.tags.flatMap((move) => (move.to === undefined ? [] : [move.to.digest])),
        ])
        return change.tags.map((move): TagOutcome => {
          const found = tags.get(move.tag) as Digest | undefined
          const seen = found === undefined ? {} : { found }
          if (found === move.to?.digest) return { tag: move.tag, result: 'unchanged', ...seen }
          if (found !== move.expect) return { tag: move.tag, result: 'conflict', ...seen }
          if (move.to === undefined) tags.delete(move.tag)
          else tags.set(move.tag, move.to.digest)
          return { tag: move.tag, result: 'moved', ...seen }
        })
      },
      async unlink(referrers) {
        return referrers.filter((digest) => manifests.delete(digest))
      },
    }),
  }
  return repository
}

/** Of stored bytes, which each list of referrers asks all for. */
const subjects = new WeakMap<Uint8Array, string | undefined>()

function subjectOf(bytes: Uint8Array, mediaType: string): string | undefined {
  if (!subjects.has(bytes)) subjects.set(bytes, readSubject(bytes, mediaType))
  return subjects.get(bytes)
}

function readSubject(bytes: Uint8Array, mediaType: string): string | undefined {
  try {
    return parseManifest(bytes, mediaType).subject?.digest
  } catch {
    return undefined
  }
}

function publishStaged(
  repository: MemoryRepository,
  staged: { manifests: Map<string, StoredManifest>; blobs: Map<string, Uint8Array> },
  roots: readonly string[],
): void {
  const closure = { manifests: new Map<string, StoredManifest>(), blobs: new Map<string, Uint8Array>() }
  const visit = (digest: string): void => {
    if (closure.manifests.has(digest)) return
    const stored = staged.manifests.get(digest) ?? repository.manifests.get(digest)
    if (stored === undefined) throw new AppError('MANIFEST_BLOB_UNKNOWN', `${digest} is not here`)
    closure.manifests.set(digest, stored)
    const parsed = parseManifest(stored.bytes, stored.mediaType)
    for (const child of parsed.children) visit(child.digest)
    for (const blob of [...parsed.layers, ...(parsed.config === undefined ? [] : [parsed.config])]) {
      const bytes = staged.blobs.get(blob.digest) ?? repository.blobs.get(blob.digest)
      if (bytes !== undefined) closure.blobs.set(blob.digest, bytes)
      else if (!isNonDistributable(blob.mediaType)) {
        throw new AppError('MANIFEST_BLOB_UNKNOWN', `${blob.digest} is not here`)
      }
    }
    for (const [other, { bytes, mediaType }] of [...staged.manifests, ...repository.manifests]) {
      if (subjectOf(bytes, mediaType) === digest) visit(other)
    }
  }
  for (const root of roots) visit(root)
  for (const [digest, stored] of closure.manifests) repository.manifests.set(digest, stored)
  for (const [digest, bytes] of closure.blobs) repository.blobs.set(digest, bytes)
}

function sinkOf(blob: Descriptor, stages: Map<string, Uint8Array>, into: Map<string, Uint8Array>): BlobSink {
  const size = () => stages.get(blob.digest)?.byteLength ?? 0
  return {
    get missing() {
      return size() < blob.size ? [{ from: size(), to: blob.size }] : []
    },
    order: 'sequential',
    async write(offset, body) {
      let bytes = (stages.get(blob.digest) ?? new Uint8Array()).subarray(0, offset)
      for await (const chunk of body) {
        bytes = Buffer.concat([bytes, chunk])
        stages.set(blob.digest, bytes)
      }
    },
    async commit() {
      const bytes = stages.get(blob.digest) ?? new Uint8Array()
      if (bytes.byteLength !== blob.size) {
        throw new AppError('SIZE_INVALID', `${bytes.byteLength} bytes, want ${blob.size}`)
      }
      stages.delete(blob.digest)
      const got = digestOf(bytes, algorithmOf(blob.digest))
      if (got !== blob.digest) throw new AppError('DIGEST_INVALID', `${got}, want ${blob.digest}`)
      into.set(blob.digest, bytes)
    },
    async close() {},
    async [Symbol.asyncDispose]() {},
  }
}
