/** `dhi_metadata`: what a tag's move has changed on each platform, as far as the images tell it and within bounds. */
import type { ImageMetadata } from '../../api/webhook-payload.ts'
import type { Storage } from '../../contents/read-document.ts'
import { findPlace, findTaggedImage, type TaggedImage } from '../../contents/tagged-image.ts'
import { isAppError, isCancelled } from '../../errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { metadataOf } from './compare-images.ts'
import type { Difference, Differences } from './differences.ts'
import type { DeliveryFacts } from './facts.ts'

export type Told = Pick<DeliveryFacts, 'metadata' | 'leftOut'>

export interface Moved {
  readonly organizationId: string
  readonly repositoryId: string
  readonly tag: string
  readonly from: Digest
}

export interface Metadata {
  /** @param patience once it aborts, what is not told yet is left out */
  of(moved: Moved, image: TaggedImage, patience: AbortSignal): Promise<Told>
}

export const NOTHING_TOLD: Told = { metadata: new Map(), leftOut: undefined }

/** Receivers take bodies of a megabyte, as a rule. */
const MAX_METADATA_BYTES = 512 * 1024

export function createMetadata(storage: Storage, differences: Differences): Metadata {
  return {
    async of(moved, image, patience) {
      const { organizationId, repositoryId, tag, from } = moved
      if (from === image.digest) return NOTHING_TOLD
      const before = await findTaggedImage(storage, repositoryId, from)
      if (before === undefined) {
        return { metadata: new Map(), leftOut: 'the image that the tag pointed to before is not here any more' }
      }
      const earlier = new Map(before.platforms.map(({ platform, digest }) => [withoutDefault(platform), digest]))
      const metadata = new Map<Digest, ImageMetadata>()
      const reasons = new Set<string>()
      let bytes = 0
      for (const { platform, digest } of image.platforms) {
        const previous = earlier.get(withoutDefault(platform))
        if (previous === undefined || previous === digest || metadata.has(digest)) continue
        const old = await findPlace(storage, repositoryId, previous, before.index)
        const now = await findPlace(storage, repositoryId, digest, image.index)
        if (old === undefined || now === undefined) {
          reasons.add(`of ${platform} not both images are here`)
          continue
        }
        const found = await differences.between(organizationId, old, now, patience).catch(whyNot)
        if (typeof found === 'string') {
          reasons.add(found)
          continue
        }
        for (const reason of reasonsOf(found)) reasons.add(reason)
        const entry = metadataOf(found.changes, { tag, digest: previous })
        if (entry === undefined) continue
        bytes += JSON.stringify(entry).length
        if (bytes > MAX_METADATA_BYTES) reasons.add(`what changed takes more than ${MAX_METADATA_BYTES} bytes`)
        else metadata.set(digest, entry)
      }
      return { metadata, leftOut: reasons.size === 0 ? undefined : [...reasons].slice(0, 5).join('; ') }
    },
  }
}

/** What keeps an image from being compared keeps no delivery from its receiver. @throws what is a failure of our own */
function whyNot(error: unknown): string {
  if (isCancelled(error)) return 'comparing the images took too long'
  if (isAppError(error, 'TOOMANYREQUESTS') || isAppError(error, 'BLOB_UNKNOWN')) return error.message
  throw error
}

/** Tools write the usual variant of arm64, or leave it out. */
function withoutDefault(platform: string): string {
  return platform.replace(/\/arm64\/v8$/, '/arm64')
}

function reasonsOf({ cut, unread }: Difference): string[] {
  return [...unread, ...cut.map((list) => `${list} was cut`)]
}
