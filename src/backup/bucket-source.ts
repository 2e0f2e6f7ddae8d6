/** Backups as they are read from an S3 bucket. */
import type { S3Location } from '../blobs/s3/location.ts'
import { streamObject } from '../blobs/s3/read.ts'
import { isSetName } from './backup-set.ts'
import { namesIn, openBucket } from './bucket.ts'
import type { BackupSource } from './source.ts'

export function bucketSource(location: S3Location, title: string): BackupSource {
  const objects = openBucket(location, title)
  return {
    title,
    findSize: (path) => objects.sizeOf(path),
    open: (path, range) => streamObject(objects, path, range),
    listSets: async () => (await namesIn(objects, 'sets')).filter(isSetName).sort(),
    async close() {},
  }
}
