/** What of a layout its index leads to: what an interrupted copy or a moved tag has left behind is not packed. */
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, referencesOf } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-types.ts'
import { blobPath, type LayoutFiles } from './layout-files.ts'
import { createLayoutReader } from './layout-reader.ts'

/**
 * @returns paths of blobs in an order that depends on the content alone
 * @throws AppError UPSTREAM_INVALID when something that is listed cannot be read: then what it leads to is not known
 */
export async function listReachable(files: LayoutFiles): Promise<string[]> {
  const reader = createLayoutReader(files)
  const { entries } = await reader.readIndex()
  const reached = new Map<Digest, string>()
  const looked = new Set<Digest>()
  const queue: (Descriptor & { readonly isPart: boolean })[] = entries.flatMap(({ descriptor }) =>
    descriptor === undefined ? [] : [{ ...descriptor, isPart: false }],
  )
  for (const { digest, mediaType, isPart } of queue) {
    if (reached.has(digest) && isPart) continue
    const size = await files.findSize(blobPath(digest))
    if (size === undefined) continue
    reached.set(digest, blobPath(digest))
    if (isPart || looked.has(digest)) continue
    looked.add(digest)
    // What is listed under a type that is no manifest's may be one all the same; where it is none, it leads nowhere.
    if (!isManifestType(mediaType) && size > MAX_MANIFEST_BYTES) continue
    const manifest = await reader.readManifest({ digest }).catch((error) => {
      if (isManifestType(mediaType)) throw error
      return undefined
    })
    if (manifest === undefined) continue
    const { config, layers, children } = referencesOf(manifest.bytes)
    for (const one of config === undefined ? layers : [config, ...layers]) queue.push({ ...one, isPart: true })
    for (const one of children) queue.push({ ...one, isPart: false })
  }
  return [...reached.values()].sort()
}
