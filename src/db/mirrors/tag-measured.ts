/** What is found out of a manifest that a tag points to. */

import type { Attested } from '../../oci/attested.ts'
import type { Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'

export interface TagMeasure {
  readonly digest: Digest
  readonly mediaType: string
  /** Manifests, configs and layers below the tag as their descriptors say, each digest once; no referrers. */
  readonly sizeBytes: number
  /** The first ones, as the index says, in its order, without attestation manifests (`unknown/unknown`). */
  readonly platforms: readonly Platform[]
  /** How many there are. */
  readonly platformCount: number
  /** There is more below the tag, or attached, than was looked at: numbers are lower bounds. */
  readonly isPartial: boolean
  /** Config of a single image, which tells its platform. */
  readonly imageConfig: Digest | undefined
  /** Media type of the config of a single manifest: what tells a chart from an image. */
  readonly configType: string | undefined
  /** Published referrers of the manifest and of those that it lists. */
  readonly referrers: number
  /** What hangs on the manifest or on one that it lists, as it says of itself. */
  readonly attested: readonly Attested[]
  /** What it cost to find out, and will cost to show. */
  readonly workBytes: number
}
