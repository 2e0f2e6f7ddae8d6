/** What a payload is made of, beside its event: read by `load-facts.ts`, so that rendering is pure. */
import type { ImageMetadata } from '../../api/webhook-payload.ts'
import type { Digest } from '../../oci/digest.ts'

export interface RepositoryFacts {
  /** Undefined once the repository is gone. */
  readonly id: string | undefined
  /** `organization/rest` */
  readonly name: string
  readonly description: string
  readonly isPrivate: boolean
  readonly isArchived: boolean
  /** ISO 8601; undefined once the repository is gone. */
  readonly createdAt: string | undefined
}

export interface ImageFacts {
  readonly mediaType: string
  readonly platforms: readonly { readonly platform: string; readonly digest: Digest }[]
  readonly referrers: readonly ReferrerCount[]
}

export interface ReferrerCount {
  readonly artifactType: string | null
  readonly predicateType: string | null
  readonly count: number
}

export interface DeliveryFacts {
  /** Origin that clients reach us at, without a slash at its end. */
  readonly publicUrl: string
  /** Undefined: no outcome is awaited. */
  readonly callbackUrl: string | undefined
  /** Where the tag pointed before. */
  readonly from: Digest | undefined
  /** Where the tag points that stands for a whole mirror: of others the event says it. */
  readonly to: Digest | undefined
  readonly organization: string
  /** Undefined: the event is about the organization. */
  readonly repository: RepositoryFacts | undefined
  /** What the tag points to now; undefined when that is nothing, or not here any more. */
  readonly image: ImageFacts | undefined
  readonly run: { readonly id: string; readonly trigger: string; readonly startedAt: string } | undefined
  readonly movedWith: { readonly tags: readonly string[]; readonly total: number }
  /** By platform manifest. */
  readonly metadata: ReadonlyMap<Digest, ImageMetadata>
  /** Why there is no metadata, or not all of it. */
  readonly leftOut: string | undefined
  /** Beside what the event says, e.g. the tags that late attestations belong to. */
  readonly details: Readonly<Record<string, unknown>>
}

/** What is posted. */
export interface Delivery {
  readonly body: string
  /** Lower-case names; `content-type` is always among them. */
  readonly headers: Readonly<Record<string, string>>
}

/** Where a repository is looked at. A page for people takes its place once there is one. */
export function repositoryUrl(publicUrl: string, name: string): string {
  return `${publicUrl}/api/v1/repositories/${name.split('/').map(encodeURIComponent).join('/')}`
}
