/** What is on this machine: the data directory, its files, the blob store, the address. */
import { access, constants, stat, statfs } from 'node:fs/promises'
import type { DoctorFinding } from '../../api/doctor.ts'
import { type BlobStore, newStorageKey } from '../../blobs/blob-store.ts'
import { newId } from '../../lib/ids.ts'
import { isNoEntry } from '../../lib/no-entry.ts'
import { isLoopbackAddress } from '../../net/address-guard.ts'
import { digestOf } from '../../oci/digest.ts'
import type { Look } from './examine.ts'

const OTHERS = 0o077
const FEW_BYTES = 2 * 1024 ** 3
const FEW_SHARE = 0.05

export interface LocalFacts {
  readonly dataDirectory: string
  readonly blobs: BlobStore
  /** Where they are, in words. */
  readonly blobsAt: string
  /** Files that hold secrets; those that are absent are none. */
  readonly secretFiles: readonly string[]
  readonly listenHost: string
  readonly publicUrl: string | undefined
}

export function localLooks(o: LocalFacts): Look[] {
  const where = o.dataDirectory
  return [
    { what: 'data directory', where, mend: `let the user of the server write to ${where}`, run: () => writable(where) },
    { what: 'free room', where, mend: 'look at the disk', run: () => room(where) },
    { what: 'secret files', where, mend: 'look at their modes', run: () => closed(o.secretFiles) },
    {
      what: 'blob store',
      where: o.blobsAt,
      mend: 'look at the disk or the bucket, its room and its permissions; then kagami verify-storage',
      run: () => roundTrip(o.blobs),
    },
    { what: 'address', where: o.publicUrl ?? o.listenHost, mend: 'set KAGAMI_URL', run: async () => address(o) },
  ]
}

async function writable(directory: string): Promise<DoctorFinding[]> {
  await access(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  return []
}

async function room(directory: string): Promise<DoctorFinding[]> {
  const { bavail, blocks, bsize, ffree, files } = await statfs(directory)
  if (blocks === 0) return []
  const freeBytes = bavail * bsize
  const mend = 'make room on this disk, or move KAGAMI_DATA to a larger one'
  const found: DoctorFinding[] = []
  if (freeBytes < FEW_BYTES || bavail / blocks < FEW_SHARE) {
    const level = freeBytes < FEW_BYTES / 8 ? 'fail' : 'warn'
    const share = Math.floor((bavail / blocks) * 100)
    found.push({
      level,
      what: `${Math.floor(freeBytes / 1024 ** 2)} MiB (${share} %) are free`,
      where: directory,
      mend,
    })
  }
  if (files > 0 && ffree / files < FEW_SHARE)
    found.push({ level: 'warn', what: 'few inodes are free', where: directory, mend })
  return found
}

async function closed(paths: readonly string[]): Promise<DoctorFinding[]> {
  if (process.getuid === undefined) return []
  const found: DoctorFinding[] = []
  for (const path of paths) {
    const mode = await stat(path).then(
      (one) => one.mode,
      (error) => {
        if (isNoEntry(error)) return 0
        throw error
      },
    )
    if ((mode & OTHERS) === 0) continue
    const what = `others may look into it (mode ${(mode & 0o777).toString(8)})`
    found.push({ level: 'fail', what, where: path, mend: `chmod go= ${path}` })
  }
  return found
}

/** Writes, reads and removes a probe, as a push does. */
async function roundTrip(blobs: BlobStore): Promise<DoctorFinding[]> {
  const bytes = new TextEncoder().encode(newId())
  const key = newStorageKey(digestOf(bytes))
  const stage = await blobs.openStage(`doctor-${newId()}`)
  try {
    await stage.append(new Blob([bytes]).stream())
    await stage.seal(key)
  } catch (error) {
    await stage.discard().catch(() => {})
    throw error
  }
  const read = await new Response(await blobs.open(key)).bytes()
  await blobs.remove(key)
  if (Buffer.from(read).equals(bytes)) return []
  return [{ level: 'fail', what: 'what was written was read otherwise', where: key, mend: 'replace the disk' }]
}

function address({ listenHost, publicUrl }: LocalFacts): DoctorFinding[] {
  if (publicUrl === undefined) {
    if (isLoopbackAddress(listenHost)) return []
    const what = `it listens on ${listenHost} and has no public URL: clients are told the name that they asked for`
    return [{ level: 'warn', what, where: 'KAGAMI_URL', mend: 'set KAGAMI_URL to the https address that clients use' }]
  }
  const { protocol, hostname } = new URL(publicUrl)
  if (protocol === 'https:' || hostname === 'localhost' || isLoopbackAddress(hostname)) return []
  const what = `passwords and tokens go to ${publicUrl} in the clear`
  return [{ level: 'warn', what, where: 'KAGAMI_URL', mend: 'put TLS in front of it, and set KAGAMI_URL to https' }]
}
