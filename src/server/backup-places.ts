/** What a command names as the place of backups: a folder, `FILE.tar`, or `s3://BUCKET/PREFIX`, with the keys of the environment. */
import type { BackupDestination } from '../backup/destination.ts'
import { openFolderDestination } from '../backup/folder-destination.ts'
import { type BackupSource, marked, openBackupSource } from '../backup/source.ts'
import { openTarDestination } from '../backup/tar-destination.ts'
import { parseBucket } from '../config/s3.ts'
import type { Environment } from '../config/settings.ts'

const isBucket = (place: string): boolean => place.startsWith('s3://')

export const isTar = (place: string): boolean => !isBucket(place) && place.endsWith('.tar')

/** @throws AppError CONFIG_INVALID for an address that is none, and what the destinations throw */
export async function openDestination(place: string, env: Environment | undefined): Promise<BackupDestination> {
  if (isTar(place)) return await openTarDestination(place)
  if (!isBucket(place)) return await openFolderDestination(place)
  const { openBucketDestination } = await import('../backup/bucket-destination.ts')
  return await openBucketDestination(parseBucket(place, env), titleOf(place))
}

/** @throws as `openBackupSource`; CONFIG_INVALID, STORAGE_UNAVAILABLE of a bucket */
export async function openPlace(place: string, env: Environment | undefined): Promise<BackupSource> {
  if (!isBucket(place)) return await openBackupSource(place)
  const { bucketSource } = await import('../backup/bucket-source.ts')
  return await marked(bucketSource(parseBucket(place, env), titleOf(place)))
}

/** Without what says how it is reached. */
const titleOf = (place: string) => place.replace(/\?.*$/s, '')
