/** Backups as they are read from an S3 bucket. */
import { createS3Client } from '../blobs/s3/client.ts'
import type { S3Location } from '../blobs/s3/location.ts'
import { createObjects } from '../blobs/s3/objects.ts'
import { streamObject } from '../blobs/s3/read.ts'
import { AppError, isAppError, messageOf } from '../errors.ts'
import { isSetName } from './backup-set.ts'
import type { BackupSource } from './source.ts'

export function bucketSource(location: S3Location, title: string): BackupSource {
  const objects = createObjects(createS3Client(location))
  const tell = saying(title)
  return {
    title,
    findSize: (path) => objects.sizeOf(path).catch(tell),
    open: (path, range) => streamObject(objects, path, range).catch(tell),
    async listSets() {
      const names: string[] = []
      try {
        for await (const { key } of objects.list('sets/')) names.push(key.slice('sets/'.length))
      } catch (error) {
        tell(error)
      }
      return names.filter(isSetName).sort()
    },
    async close() {},
  }
}

/** Whoever runs the command is told what S3 said: the bucket is theirs. */
export function saying(title: string): (error: unknown) => never {
  return (error) => {
    if (!isAppError(error, 'STORAGE_UNAVAILABLE') || error.cause === undefined) throw error
    throw new AppError('STORAGE_UNAVAILABLE', `${title}: ${messageOf(error.cause)}`, { cause: error })
  }
}
