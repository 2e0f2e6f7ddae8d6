/** A repository of ours as one pass sees it: its tags, and all that belongs to what they name. From the database, without bytes. */
import type { Queries } from '../../db/engine/engine.ts'
import { listKnownReferences } from '../../db/mirrors/known-content.ts'
import { lastSeq } from '../../db/platform/followed-events.ts'
import { listServedManifests, listServedTags } from '../../db/replication/local-content.ts'
import type { KnownManifest } from '../../mirror/pass/known.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { type Digest, digestOf } from '../../oci/digest.ts'
import { parseDigestTag, type Tag } from '../../oci/reference.ts'
import type { RepositoryReader } from '../../oci/repository.ts'

export interface LocalGraph {
  /** The place in the event log: what comes after it may not be in here. */
  readonly seq: number
  readonly tags: ReadonlyMap<Tag, Digest>
  readonly manifests: ReadonlyMap<Digest, KnownManifest>
  readonly referrers: ReadonlyMap<Digest, readonly Digest[]>
  /** Subject → tags such as `.sig` that hang on it. */
  readonly digestTags: ReadonlyMap<Digest, readonly Tag[]>
}

export async function loadGraph(db: Queries, repositoryId: string): Promise<LocalGraph> {
  const seq = await lastSeq(db)
  const tags = new Map((await listServedTags(db, repositoryId)).map(({ tag, digest }) => [tag, digest]))
  const parts = new Map<Digest, { blobs: Descriptor[]; children: Descriptor[] }>()
  for (const row of await listKnownReferences(db, repositoryId)) {
    const of = parts.get(row.parent) ?? { blobs: [], children: [] }
    const { mediaType, digest, sizeBytes: size, platform } = row
    const list = row.kind === 'child' ? of.children : of.blobs
    list.push({ mediaType, digest, size, ...(platform === undefined ? {} : { platform }) })
    parts.set(row.parent, of)
  }
  const manifests = new Map<Digest, KnownManifest>()
  const referrers = new Map<Digest, Digest[]>()
  for (const { digest, mediaType, sizeBytes: size, subject } of await listServedManifests(db, repositoryId)) {
    const { blobs, children } = parts.get(digest) ?? { blobs: [], children: [] }
    manifests.set(digest, { descriptor: { mediaType, digest, size }, isPublished: true, blobs, children, subject })
    if (subject !== undefined) referrers.set(subject, [...(referrers.get(subject) ?? []), digest])
  }
  const digestTags = new Map<Digest, Tag[]>()
  for (const tag of tags.keys()) {
    const { subject, suffix } = parseDigestTag(tag) ?? {}
    if (subject === undefined || suffix === undefined) continue
    digestTags.set(subject, [...(digestTags.get(subject) ?? []), tag])
  }
  return { seq, tags, manifests, referrers, digestTags }
}

/** What belongs to one digest here. */
export interface Belongings {
  /** It, its children and what hangs on any of them, recursively; as far as it is here. */
  readonly manifests: ReadonlySet<Digest>
  /** Tags such as `.sig` of any of these. */
  readonly tags: readonly Tag[]
  /** One value for all of it. */
  readonly content: string
}

/** @param selection as text: another one takes other parts of the same */
export function belongingsOf(graph: LocalGraph, root: Digest, selection: string): Belongings {
  const manifests = new Set<Digest>([root])
  const tags = new Map<Tag, Digest>()
  for (const digest of manifests) {
    for (const child of graph.manifests.get(digest)?.children ?? []) {
      if (graph.manifests.has(child.digest)) manifests.add(child.digest)
    }
    for (const referrer of graph.referrers.get(digest) ?? []) manifests.add(referrer)
    for (const tag of graph.digestTags.get(digest) ?? []) {
      const named = graph.tags.get(tag)
      if (named === undefined) continue
      tags.set(tag, named)
      manifests.add(named)
    }
  }
  const named = [...tags].map(([tag, digest]) => `${tag} ${digest}`)
  const content = digestOf([selection, ...[...manifests].sort(), ...named.sort()].join('\n'))
  return { manifests, tags: [...tags.keys()].sort(), content }
}

/** Config, layers and the like of these manifests. */
export function blobsOf(graph: LocalGraph, manifests: Iterable<Digest>): Set<Digest> {
  const blobs = new Set<Digest>()
  for (const digest of manifests) for (const blob of graph.manifests.get(digest)?.blobs ?? []) blobs.add(blob.digest)
  return blobs
}

/**
 * The repository as the graph has it: what comes while a pass is under way is for the next one.
 * @param o.isTyped the selection goes by what referrers are, which the graph does not know
 */
export function graphReader(
  graph: LocalGraph,
  reader: RepositoryReader,
  o: { readonly isTyped: boolean },
): RepositoryReader {
  return {
    async *listTags() {
      for (const [tag, digest] of graph.tags) yield { tag, digest }
    },
    async resolve(reference, options) {
      const digest = reference.digest ?? (options?.isRead === true ? undefined : graph.tags.get(reference.tag))
      return (digest && graph.manifests.get(digest)?.descriptor) ?? reader.resolve(reference, options)
    },
    readManifest: (of, options) => reader.readManifest(of, options),
    openBlob: (blob, options) => reader.openBlob(blob, options),
    async listReferrers(subject, options) {
      if (o.isTyped) return reader.listReferrers(subject, options)
      const found = graph.referrers.get(subject.digest) ?? []
      const items = found.flatMap((digest) => graph.manifests.get(digest)?.descriptor ?? [])
      return {
        items: (async function* () {
          yield* items
        })(),
        isByApi: true,
      }
    },
  }
}
