/** A source as its target is to have it: under the target's tags, with or without referrers. While it is read, the target is looked at. */
import { AppError } from '../errors.ts'
import { chooseChildren } from '../mirror/pass/select.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { isManifestType, MediaType } from '../oci/media-types.ts'
import { formatReference, parseDigestTag, type Reference, type Tag } from '../oci/reference.ts'
import type { Abortable, RepositoryReader } from '../oci/repository.ts'
import type { TargetKnown } from './target-known.ts'

/** Stands for the tag that a copy by digest does not have; never written anywhere. */
export const NO_TAG = '_no_tag_' as Tag

export interface SourceView {
  readonly reader: RepositoryReader
  readonly target: TargetKnown
  /** One image only, under a name of the target's; undefined: all tags under their own. */
  readonly single: { readonly from: Reference; readonly to: Tag } | undefined
  readonly hasReferrers: boolean
  /** Of indexes only these; undefined: all. */
  readonly platforms: readonly string[] | undefined
  /** The tags that get the manifest of the one platform in place of the index that holds it. */
  readonly flattened: ReadonlySet<Tag> | undefined
  /** Filled with the indexes in whose place a tag gets, or has, a manifest of theirs. */
  readonly insteadOf: Map<Tag, Digest>
}

/** The reader of the images. */
export function viewSource(o: SourceView): RepositoryReader {
  const { reader, target, single } = o

  async function resolve(
    reference: Reference,
    how: Abortable & { readonly isRead?: boolean },
  ): Promise<Descriptor | undefined> {
    const { tag } = reference
    const from = single !== undefined && tag === single.to ? single.from : reference
    const [found] = await Promise.all([
      reader.resolve(from, how),
      tag === undefined || tag === NO_TAG ? undefined : target.noteTag(tag),
    ])
    if (found === undefined && single !== undefined && tag === single.to) {
      throw new AppError('MANIFEST_UNKNOWN', `the source does not have ${formatReference(single.from)}`)
    }
    if (found === undefined || tag === undefined) return found
    const root = await chooseRoot(tag, found, how)
    await target.noteRoot(tag, root)
    return root
  }

  /** The index itself, unless the target has taken the image of its one platform before, or takes nothing else. */
  async function chooseRoot(tag: Tag, found: Descriptor, how: Abortable): Promise<Descriptor> {
    const isIndex = found.mediaType === MediaType.ociIndex || found.mediaType === MediaType.dockerList
    if (o.platforms?.length !== 1 || !isIndex) return found
    const isForced = o.flattened?.has(tag) === true
    const there = target.known.tags.get(tag)?.local
    if (!isForced && (there === undefined || there === found.digest)) return found
    const images = await imagesOf(found, how)
    const [only, ...others] = images
    if (only === undefined || others.length > 0) {
      if (!isForced) return found
      const wanted = o.platforms.join(', ')
      throw new AppError('UPSTREAM_INVALID', `${found.digest} has ${images.length} images of ${wanted}, want one`)
    }
    if (!isForced && only.digest !== there) return found
    o.insteadOf.set(tag, found.digest)
    return { mediaType: only.mediaType, digest: only.digest, size: only.size }
  }

  async function imagesOf(index: Descriptor, how: Abortable): Promise<readonly Descriptor[]> {
    const found = await reader.readManifest({ digest: index.digest }, how)
    if (found === undefined) throw new AppError('MANIFEST_UNKNOWN', `the source does not have ${index.digest} any more`)
    const { children } = parseManifest(found.bytes, found.descriptor.mediaType, algorithmOf(index.digest))
    return chooseChildren(children, o.platforms).chosen.filter(
      ({ platform, mediaType }) => isManifestType(mediaType) && platform !== undefined && platform.os !== 'unknown',
    )
  }

  return {
    async *listTags(how) {
      if (single !== undefined) yield { tag: prepared(single.to) }
      if (single !== undefined && !o.hasReferrers) return
      for await (const listed of reader.listTags(how)) {
        const attached = parseDigestTag(listed.tag)
        if (attached === undefined ? single !== undefined : !o.hasReferrers) continue
        // What a list says of digests is not gone by: where the tag points at the target is asked for with it.
        yield { tag: prepared(listed.tag) }
      }
    },
    resolve: (reference, how = {}) => resolve(reference, how),
    readManifest: (of, how) => reader.readManifest(of, how),
    openBlob: (blob, how) => reader.openBlob(blob, how),
    listReferrers: (subject, how) => (o.hasReferrers ? listReferrers(reader, target, subject, how) : nothing()),
  }

  /** Known before it is looked up, so that what is found of it there counts. */
  function prepared(tag: Tag): Tag {
    target.expectTag(tag)
    return tag
  }
}

/** The reader of attestations that are elsewhere. */
export function viewReferrers(reader: RepositoryReader, target: TargetKnown): RepositoryReader {
  return {
    listTags: async function* (how) {
      for await (const { tag } of reader.listTags(how)) {
        target.expectTag(tag)
        yield { tag }
      }
    },
    async resolve(reference, how = {}) {
      const [found] = await Promise.all([
        reader.resolve(reference, how),
        reference.tag === undefined ? undefined : target.noteTag(reference.tag),
      ])
      if (found !== undefined && reference.tag !== undefined) await target.noteRoot(reference.tag, found)
      return found
    },
    readManifest: (of, how) => reader.readManifest(of, how),
    openBlob: (blob, how) => reader.openBlob(blob, how),
    listReferrers: (subject, how) => listReferrers(reader, target, subject, how),
  }
}

async function listReferrers(
  reader: RepositoryReader,
  target: TargetKnown,
  subject: Descriptor,
  how: Parameters<RepositoryReader['listReferrers']>[1],
): ReturnType<RepositoryReader['listReferrers']> {
  const list = await reader.listReferrers(subject, how)
  if (list === 'unchanged') return list
  const items: Descriptor[] = []
  for await (const item of list.items) items.push(item)
  await target.noteReferrers(subject, items)
  return { ...list, items: each(items) }
}

async function nothing(): ReturnType<RepositoryReader['listReferrers']> {
  return { items: each([]), isByApi: true }
}

async function* each(items: readonly Descriptor[]): AsyncGenerator<Descriptor> {
  yield* items
}
