import { AppError } from '../errors.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { MediaType } from '../oci/media-types.ts'
import { type Reference, referrersTag, type Tag } from '../oci/reference.ts'
import type { Manifest, ReferrerList } from '../oci/repository.ts'

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
    // GitLab takes the tag for the subject itself; a tag on anything but an OCI index is somebody's own.
    if (version === subject.digest || head.mediaType !== MediaType.ociIndex) return { version, items: none() }
    const index = await source.readManifest(head)
    if (index !== undefined) return { version, items: verified(source, entriesOf(index), subject.digest) }
  }
  throw new AppError('UPSTREAM_INVALID', `${source.title}: the tag ${tag} names an index that is not there`)
}

async function* none(): AsyncGenerator<Descriptor> {}

function entriesOf(index: Manifest): readonly Descriptor[] {
  try {
    return parseManifest(index.bytes, MediaType.ociIndex).children
  } catch (cause) {
    throw new AppError('UPSTREAM_INVALID', `the referrers index ${index.descriptor.digest} cannot be read`, { cause })
  }
}

/**
 * Anybody may push such an index, so an entry counts only when its own manifest names the subject. What the index leaves out
 * (go-containerregistry writes neither artifactType nor annotations) comes from the manifest.
 */
async function* verified(
  source: FallbackSource,
  entries: readonly Descriptor[],
  subject: Digest,
): AsyncGenerator<Descriptor> {
  const seen = new Set<Digest>()
  for (const entry of entries) {
    if (seen.has(entry.digest)) continue
    seen.add(entry.digest)
    const manifest = await source.readManifest(entry)
    const parsed = manifest && parseOrSkip(manifest)
    if (manifest === undefined || parsed?.subject?.digest !== subject) continue
    const artifactType = entry.artifactType ?? parsed.artifactType
    const annotations = entry.annotations ?? parsed.annotations
    yield {
      ...entry,
      mediaType: manifest.descriptor.mediaType,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    }
  }
}

/** A manifest that cannot be parsed names no subject. */
function parseOrSkip(manifest: Manifest) {
  try {
    return parseManifest(manifest.bytes, manifest.descriptor.mediaType)
  } catch {
    return undefined
  }
}
