import { listReferrers } from '../db/content/manifests.ts'
import type { Queries } from '../db/engine/engine.ts'
import { type Page, readPage } from '../lib/weighed-page.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'

/** distribution-spec "Listing Referrers": readers stop at 4 MiB; half leaves room for the index around the descriptors. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024
const MAX_PAGE_ITEMS = 1000

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
): Promise<Page<Descriptor>> {
  const limit = Math.min(o.limit ?? MAX_PAGE_ITEMS, MAX_PAGE_ITEMS)
  return readPage({
    limit,
    after: o.after,
    read: (after, count) =>
      listReferrers(db, repositoryId, subject, {
        artifactType: o.artifactType,
        after: after as Digest | undefined,
        limit: count,
      }),
    keyOf: (item) => item.digest,
    budgetBytes: MAX_PAGE_BYTES,
  })
}
