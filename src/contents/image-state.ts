/** What is known of an image, as the API tells it; what is not known yet is put in line by whoever asks. */
import type { Selectable } from 'kysely'
import type { ImageContentsState } from '../api/images.ts'
import { isReadWanted, wantReads } from '../db/content/image-reads.ts'
import { findImage } from '../db/content/images.ts'
import type { Database } from '../db/engine/engine.ts'
import type { ImageRow, RepositoryRow } from '../db/schema.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import type { ParsedManifest } from '../oci/manifest.ts'
import type { ImageSummary } from './image-entries.ts'
import type { ReadDocument } from './read-contents.ts'

export interface KnownImage {
  readonly contents: ImageContentsState
  /** Undefined: nothing is known yet. */
  readonly row: Selectable<ImageRow> | undefined
  readonly documents: readonly ReadDocument[]
}

const NOTHING = {
  isFresh: true,
  readAt: null,
  hasSbom: false,
  hasReport: false,
  packages: 0,
  vulnerabilities: { critical: 0, high: 0, medium: 0, low: 0, negligible: 0, unknown: 0 },
  suppressed: 0,
  problem: null,
  documents: [],
}

/** @param root the tag's own manifest: what is read of it is read of its platforms too */
export async function knownImage(
  db: Database,
  repository: Pick<RepositoryRow, 'id' | 'organization_id'>,
  one: { readonly digest: Digest; readonly manifest: ParsedManifest | undefined; readonly root: Digest },
): Promise<KnownImage> {
  // What hangs on something else tells of that.
  if (one.manifest?.subject !== undefined) {
    return { contents: { state: 'none', ...NOTHING }, row: undefined, documents: [] }
  }
  const row = await findImage(db.read, repository.id, one.digest)
  const isWanted = await isReadWanted(db.read, repository.id, [one.digest, one.root])
  if (row === undefined) {
    if (!isWanted) {
      const wanted = { organizationId: repository.organization_id, repositoryId: repository.id, digest: one.digest }
      db.later.add(`image ${repository.id} ${one.digest}`, (tx) => wantReads(tx, [wanted], isoTime(systemClock.now())))
    }
    return { contents: { state: 'reading', ...NOTHING, isFresh: false }, row, documents: [] }
  }
  const documents = JSON.parse(row.documents) as ReadDocument[]
  const { open, suppressed, hasSbom, hasReport } = JSON.parse(row.summary) as ImageSummary
  return {
    row,
    documents,
    contents: {
      state: 'ready',
      isFresh: !isWanted,
      readAt: row.read_at,
      hasSbom,
      hasReport,
      packages: row.packages,
      vulnerabilities: open,
      suppressed,
      problem: row.problem,
      documents: documents.map(({ manifest, blob, kind, sizeBytes, problem }) => ({
        attestation: manifest,
        blob,
        kind,
        sizeBytes,
        problem,
      })),
    },
  }
}
