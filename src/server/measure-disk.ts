import { statfs } from 'node:fs/promises'

/** Of the disk that a directory is on; null where it tells no size, as some network file systems do. */
export async function measureDisk(
  directory: string,
): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | null> {
  const { bavail, blocks, bsize } = await statfs(directory)
  return blocks === 0 ? null : { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
