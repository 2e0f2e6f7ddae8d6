import { AppError, isAppError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { type ParsedManifest, parseManifest } from '../oci/manifest.ts'
import { MediaType } from '../oci/media-types.ts'
import { type Reference, referrersTag, type Tag } from '../oci/reference.ts'
import type { LeftOut, Manifest, ReferrerList } from '../oci/repository.ts'
import { createListingMeter } from './pages.ts'
import { createLeftOut, readReferrersIndex } from './referrers-index.ts'

/** What the fallback needs of the reader that it belongs to. */
export interface FallbackSource {
  /** The tag list of this pass; listed now when nobody has listed it yet. */
  tags(): Promise<ReadonlySet<Tag>>
  resolve(reference: Reference): Promise<Descriptor | undefined>
  readManifest(of: Descriptor): Promise<Manifest | undefined>
  readonly title: string
}

/**
 * The referrers of a subject where the registry has no API for them: an index under the tag `<alg>-<hex>`
 * (distribution-spec "Referrers Tag Schema"). The tag list tells whether there is one, so a subject without referrers costs
 * no request. `version` is the digest of that index.
 */
export async function listReferrersByTag(
  source: FallbackSource,
  subject: Descriptor,
  known: string | undefined,
): Promise<ReferrerList> {
  const tag = referrersTag(subject.digest)
  if (!(await source.tags()).has(tag)) return { items: none() }
  // Between HEAD and GET a client may replace the index, and the registry may forget the old one: look once more.
  for (let tries = 1; tries <= 2; tries++) {
    const head = await source.resolve({ tag })
    if (head === undefined) return { items: none() }
    const version = head.digest
    if (version === known) return 'unchanged'
    // GitLab takes the tag for the subject itself.
    if (version === subject.digest) return { version, items: none() }
    const isAnnounced = head.mediaType === MediaType.ociIndex
    const { all: leftOut, leaveOut } = createLeftOut()
    let index: Manifest | undefined
    let entries: readonly Descriptor[]
    try {
      index = await source.readManifest(head)
      if (index === undefined) continue
      entries = await entriesOf(source, index, isAnnounced, leaveOut)
    } catch (error) {
      // A tag on anything but an OCI index is somebody's own; what it is, the body tells.
      if (isAnnounced || !isAppError(error) || !LASTING.has(error.code)) throw error
      return { version, items: none() }
    }
    return { version, items: verified(source, entries, subject.digest, leaveOut), leftOut }
  }
  throw new AppError('UPSTREAM_INVALID', `${source.title}: the tag ${tag} names an index that is not there`)
}

async function* none(): AsyncGenerator<Descriptor> {}

async function entriesOf(
  source: FallbackSource,
  index: Manifest,
  isAnnounced: boolean,
  leaveOut: (item: LeftOut) => void,
): Promise<readonly Descriptor[]> {
  const { bytes } = index
  const what = `${source.title}: the referrers index ${index.descriptor.digest}`
  const meter = createListingMeter(what, {
    entries: bytes.byteLength,
    bytes: bytes.byteLength,
    pageBytes: bytes.byteLength,
  })
  const body = new Blob([new Uint8Array(bytes)]).stream()
  const contentType = isAnnounced ? MediaType.ociIndex : ''
  const read = await readReferrersIndex({ body }, { contentType, meter, leaveOut, what })
  return read?.items ?? []
}

/** What another try would not mend: anybody may push an index that lists such a thing, and the image is not held back for it. */
const LASTING: ReadonlySet<string> = new Set([
  'MANIFEST_INVALID',
  'MANIFEST_TOO_LARGE',
  'UPSTREAM_INVALID',
  'UPSTREAM_UNSUPPORTED',
])

/**
 * Anybody may push such an index, so an entry counts only when its own manifest names the subject. What the index leaves out
 * (go-containerregistry writes neither artifactType nor annotations) comes from the manifest. An entry that is absent or cannot be
 * read is left out by name, and the others count.
 */
async function* verified(
  source: FallbackSource,
  entries: readonly Descriptor[],
  subject: Digest,
  leaveOut: (item: LeftOut) => void,
): AsyncGenerator<Descriptor> {
  const seen = new Set<Digest>()
  for (const entry of entries) {
    const { digest } = entry
    if (seen.has(digest)) continue
    seen.add(digest)
    let manifest: Manifest | undefined
    let parsed: ParsedManifest
    try {
      manifest = await source.readManifest(entry)
      if (manifest === undefined) {
        leaveOut({ digest, code: 'MANIFEST_UNKNOWN', message: 'it is not there' })
        continue
      }
      parsed = parseManifest(manifest.bytes, manifest.descriptor.mediaType)
    } catch (error) {
      if (!isAppError(error) || !LASTING.has(error.code)) throw error
      leaveOut({ digest, code: error.code, message: error.message })
      continue
    }
    if (parsed.subject?.digest !== subject) continue
    const artifactType = entry.artifactType ?? parsed.artifactType
    const annotations = entry.annotations ?? parsed.annotations
    yield {
      ...entry,
      mediaType: manifest.descriptor.mediaType,
      size: manifest.bytes.byteLength,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    }
  }
}
