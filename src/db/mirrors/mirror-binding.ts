import type { Digest } from '../../oci/digest.ts'

/** What a writer of our own storage is bound to: one run of one mirror, fenced by the generation of its lease. */
export interface MirrorBinding {
  readonly organizationId: string
  /** Its name. */
  readonly organization: string
  readonly repositoryId: string
  readonly mirrorId: string
  readonly runId: string
  readonly leaseKey: string
  readonly generation: number
  /** Who stands in history and events, e.g. `mirror:<id>`. */
  readonly actor: string
  /** Upstream address and credential, as one value: bytes are linked without transfer only within it (design, invariant 2). */
  readonly sourceKey: string
  /** True for a child of an index that upstream answered 404 for: the index is then published sparse. */
  isAbsentUpstream(digest: Digest): boolean
}
