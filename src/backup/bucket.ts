/** The bucket of backups, for whoever runs the command and owns it: errors say what S3 said. */
import { createS3Client } from '../blobs/s3/client.ts'
import type { S3Location } from '../blobs/s3/location.ts'
import { createObjects, type S3Objects } from '../blobs/s3/objects.ts'
import { AppError, isAppError, messageOf } from '../errors.ts'

export function openBucket(location: S3Location, title: string): S3Objects {
  const client = createS3Client(location)
  return createObjects({
    ...client,
    send: (call) =>
      client.send(call).catch((error) => {
        if (!isAppError(error, 'STORAGE_UNAVAILABLE') || error.cause === undefined) throw error
        throw new AppError('STORAGE_UNAVAILABLE', `${title}: ${messageOf(error.cause)}`, { cause: error.cause })
      }),
  })
}

/** Names of what is in one of its folders. */
export async function namesIn(objects: S3Objects, folder: string): Promise<string[]> {
  const names: string[] = []
  for await (const { key } of objects.list(`${folder}/`)) names.push(key.slice(folder.length + 1))
  return names
}
