import type { Queries } from '../db/engine.ts'
import { listReferrers } from '../db/manifests.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'

/** distribution-spec "Listing Referrers": readers stop at 4 MiB; half leaves room for the index around the descriptors. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024
const MAX_PAGE_ITEMS = 1000

export interface ReferrersPage {
  readonly items: readonly Descriptor[]
  /** The last digest of this page when there are more. */
  readonly next: Digest | undefined
}

/** One page of the published referrers of a subject, whether or not the subject is there. */
export async function listReferrersPage(
  db: Queries,
  repositoryId: string,
  subject: Digest,
  o: {
    readonly artifactType: string | undefined
    readonly after: Digest | undefined
    readonly limit?: number | undefined
  },
): Promise<ReferrersPage> {
  const limit = Math.min(o.limit ?? MAX_PAGE_ITEMS, MAX_PAGE_ITEMS)
  const rows = await listReferrers(db, repositoryId, subject, { ...o, limit: limit + 1 })
  const items: Descriptor[] = []
  let bytes = 0
  for (const item of rows.slice(0, limit)) {
    bytes += Buffer.byteLength(JSON.stringify(item))
    if (items.length > 0 && bytes > MAX_PAGE_BYTES) break
    items.push(item)
  }
  return { items, next: items.length < rows.length ? items.at(-1)?.digest : undefined }
}
