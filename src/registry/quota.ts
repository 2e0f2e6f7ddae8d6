import { measureOrganizationBlobs } from '../db/blobs.ts'
import type { Queries } from '../db/engine.ts'
import { findQuotaBytes, organizationHasBlob } from '../db/quota.ts'
import type { OrganizationRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'

/**
 * Refuses what would take an organization over its quota of distinct bytes in blobs. Called at the start of an upload when the
 * size is known, and again in the transaction that links the blob.
 * @param digest what is linked, when it is known: content that the organization has already costs nothing
 * @throws AppError DENIED
 */
export async function refuseOverQuota(
  db: Queries,
  organization: Pick<OrganizationRow, 'id' | 'name'>,
  added: { readonly sizeBytes: number; readonly digest?: Digest | undefined },
): Promise<void> {
  const quota = await findQuotaBytes(db, organization.id)
  if (quota === undefined) return
  if (added.digest !== undefined && (await organizationHasBlob(db, organization.id, added.digest))) return
  const used = await measureOrganizationBlobs(db, organization.id)
  if (used + added.sizeBytes <= quota) return
  throw new AppError(
    'DENIED',
    `organization ${organization.name} is over its storage quota: ${used} of ${quota} bytes are used, ${added.sizeBytes} more do not fit`,
    { detail: { quotaBytes: quota, usedBytes: used, addedBytes: added.sizeBytes } },
  )
}
