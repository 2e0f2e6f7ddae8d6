import type { BlobBucket } from '../../config/s3.ts'

/** A bucket, and what below it is ours. The prefix has no slashes at its ends, and may be empty. */
export type S3Location = BlobBucket

export type S3Keys = NonNullable<BlobBucket['credentials']>
