/** Fetches damaged content anew, by digest, from the upstreams of the mirrors that brought it. */
import { linkBlobs } from '../db/content/blobs.ts'
import { forgetDamage, listDamaged, noteWhy, restoreManifest } from '../db/content/damage.ts'
import type { Database } from '../db/engine/engine.ts'
import { findDescriptor, listRepairMirrors, type RepairMirror } from '../db/mirrors/repair-sources.ts'
import type { DamagedContentRow } from '../db/schema.ts'
import { messageOf } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { fetchBlob } from '../mirror/pass/fetch-blob.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, verifyDigest } from '../oci/digest.ts'
import type { RepositoryReader, RepositoryWriter } from '../oci/repository.ts'

const PAGE_ROWS = 100
/** Mirrors that are asked for one item. */
const MAX_MIRRORS = 5

/** What a mirror reads from, and its repository here as it writes there; each with the login of the mirror's organization. */
export interface RepairSource {
  /** Its upstream, and its source of referrers where it has one. */
  open(
    mirror: RepairMirror,
  ): Promise<readonly { readonly reader: RepositoryReader; readonly writer: RepositoryWriter }[]>
}

export interface RepairOptions {
  readonly db: Database
  readonly clock: Clock
  readonly source: RepairSource
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** @returns how much was repaired; of the rest, why not is noted */
export async function repairDamaged(o: RepairOptions): Promise<number> {
  let repaired = 0
  let after: DamagedContentRow | undefined
  for (;;) {
    const page = await listDamaged(o.db.read, { limit: PAGE_ROWS, after })
    for (const row of page) {
      if (o.signal.aborted) throw cancelledBy(o.signal)
      const why = await repairOne(o, row)
      const digest = row.digest as Digest
      if (why === undefined) repaired++
      else await o.db.write((tx) => noteWhy(tx, row.kind, digest, why))
      const log = { digest, kind: row.kind, damage: row.damage, why }
      if (why === undefined) o.logger.info(log, 'damaged content was repaired')
      else o.logger.warn(log, 'damaged content could not be repaired')
    }
    after = page.at(-1)
    if (page.length < PAGE_ROWS) return repaired
  }
}

/** @returns why it could not be repaired */
async function repairOne(o: RepairOptions, row: DamagedContentRow): Promise<string | undefined> {
  const item = { kind: row.kind, digest: row.digest as Digest }
  const mirrors = await listRepairMirrors(o.db.read, item, MAX_MIRRORS)
  if (mirrors.length === 0) return 'no mirror has it: push it again'
  const descriptor = await findDescriptor(o.db.read, row.kind, item.digest)
  if (descriptor === undefined) return 'no manifest names it, so nothing is known of its size'
  let why = ''
  for (const mirror of mirrors) {
    try {
      for (const { reader, writer } of await o.source.open(mirror)) {
        const failure = await fetchFrom(o, row, { descriptor, mirror, reader, writer }).catch((error) => {
          if (o.signal.aborted) throw error
          return messageOf(error)
        })
        if (failure === undefined) return undefined
        why = `${mirror.repository}: ${failure}`
      }
    } catch (error) {
      if (o.signal.aborted) throw cancelledBy(o.signal)
      why = `${mirror.repository}: ${messageOf(error)}`
    }
  }
  return why
}

interface From {
  readonly descriptor: Descriptor
  readonly mirror: RepairMirror
  readonly reader: RepositoryReader
  readonly writer: RepositoryWriter
}

async function fetchFrom(
  { db, clock, signal }: RepairOptions,
  { kind }: DamagedContentRow,
  { descriptor, mirror, reader, writer }: From,
): Promise<string | undefined> {
  const { digest } = descriptor
  if (kind === 'manifest') {
    const found = await reader.readManifest(descriptor, { signal })
    if (found === undefined) return 'its upstream has it no more'
    verifyDigest(digest, found.bytes)
    await db.write((tx) => restoreManifest(tx, digest, found.bytes))
    return undefined
  }
  await fetchBlob(descriptor, { reader, writer, signal, onBytes() {} })
  if (kind === 'reference') {
    const at = isoTime(clock.now())
    await db.write(async (tx) => {
      await linkBlobs(tx, mirror.repository_id, [digest], { publishedAt: at, at })
      await forgetDamage(tx, 'reference', digest)
    })
  }
  return undefined
}
