/** Which manifests of a layout name a subject: nothing lists them, so that each is read once. */
import { forEachConcurrent } from '../lib/concurrency.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-types.ts'
import { parseDigestTag } from '../oci/reference.ts'
import type { Manifest, ManifestKey } from '../oci/repository.ts'
import { invalid } from './layout-files.ts'
import type { LayoutIndex } from './layout-index.ts'

const READS_AT_ONCE = 16
/** Below the entries of `index.json`; real ones have three. */
const MAX_DEPTH = 64
/** Longer annotations are left to the manifest itself. */
const MAX_ANNOTATIONS_LENGTH = 16 * 1024

/**
 * Looks at all that `index.json` lists, named or not, at the entries of fallback indexes (distribution-spec "Referrers Tag Schema"), and at
 * what is below indexes.
 * @returns subject → what names it
 * @throws AppError UPSTREAM_INVALID when something without a name cannot be read: it may be anybody's referrer, and a list that lacks it
 *   would be taken for whole
 */
export async function scanLayout(
  title: string,
  o: { readonly index: LayoutIndex; readManifest(of: ManifestKey): Promise<Manifest | undefined> },
): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const found = new Map<Digest, Descriptor[]>()
  const seen = new Set<Digest>()

  async function look(of: Descriptor, isNeeded: boolean, depth: number): Promise<void> {
    if (seen.has(of.digest) || depth > MAX_DEPTH) return
    seen.add(of.digest)
    const { digest } = of
    const manifest = await o.readManifest({ digest }).catch((error) => {
      if (isNeeded) throw error
      // Whatever names it fails by it.
      return undefined
    })
    if (manifest === undefined) {
      if (isNeeded)
        throw invalid(
          { title },
          `lists ${digest} without a name and does not have it: whose referrer it is cannot be told`,
        )
      return
    }
    const { mediaType, size } = manifest.descriptor
    const { subject, children, artifactType, annotations } = parseManifest(
      manifest.bytes,
      mediaType,
      algorithmOf(digest),
    )
    if (subject !== undefined) {
      const isShort = annotations !== undefined && JSON.stringify(annotations).length <= MAX_ANNOTATIONS_LENGTH
      const item = {
        ...{ mediaType, digest, size },
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(isShort ? { annotations } : {}),
      }
      const items = found.get(subject.digest)
      if (items === undefined) found.set(subject.digest, [item])
      else items.push(item)
    }
    for (const child of children) if (isManifestType(child.mediaType)) await look(child, false, depth + 1)
  }

  const wanted = o.index.entries.flatMap(({ descriptor, name }) =>
    descriptor !== undefined && isManifestType(descriptor.mediaType) ? [{ descriptor, name }] : [],
  )
  await forEachConcurrent(wanted, READS_AT_ONCE, ({ descriptor, name }) => {
    const isFallback =
      name !== undefined && parseDigestTag(name)?.suffix === undefined && parseDigestTag(name) !== undefined
    return look(descriptor, name === undefined || isFallback, 0)
  })
  for (const items of found.values()) items.sort((a, b) => (a.digest < b.digest ? -1 : 1))
  return found
}
