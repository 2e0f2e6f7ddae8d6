import type { AttestedBits } from '../../oci/attested.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ManifestReferences, ParsedManifest } from '../../oci/manifest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Chunk } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareIn, prepareQuery, prepareRows, type Value } from '../engine/prepared.ts'
import type { ManifestReferenceRow, ManifestRow, ReferenceKind, RepositoryManifestRow } from '../schema.ts'
import { restoreManifest } from './damage.ts'
import { hideImages } from './images.ts'
import { chargeLinks, dischargeLinks, sizeForLink } from './quota.ts'
import { forgetLost, type Lost, noteLostParts } from './superseded.ts'

/** A manifest as one repository has it. */
export interface RepositoryManifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  readonly bytes: Uint8Array
  readonly subjectDigest: Digest | undefined
  readonly publishedAt: string | undefined
  /** It goes soon, unless somebody asks for it. */
  readonly isDoomed: boolean
}

/**
 * Stores the bytes and what they refer to, unless they are there: what they refer to is a fact of the bytes, whoever brings them and
 * whatever type is given to them. The caller has verified the digest.
 * @returns bytes that nobody had before; undefined: they were there
 */
export async function insertManifest(
  tx: Transaction,
  manifest: ParsedManifest,
  bytes: Uint8Array,
  at: string,
): Promise<number | undefined> {
  const { descriptor } = manifest
  const [made] = await insertNew(tx, [
    {
      digest: descriptor.digest,
      size_bytes: bytes.byteLength,
      bytes,
      subject_digest: manifest.subject?.digest ?? null,
      artifact_type: manifest.artifactType ?? null,
      annotations: manifest.annotations === undefined ? null : JSON.stringify(manifest.annotations),
      created_at: at,
      damage: null,
    },
  ])
  if (made === undefined) {
    await restoreManifest(tx, descriptor.digest, bytes)
    return undefined
  }
  await insertReferences(tx, referenceRows(descriptor.digest, manifest))
  return bytes.byteLength
}

const insertNew = prepareRows((db, chunk: Chunk<ManifestRow>) =>
  db
    .insertInto('manifests')
    .values(chunk)
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .returning('digest'),
)

const insertReferences = prepareRows((db, chunk: Chunk<ManifestReferenceRow>) =>
  db.insertInto('manifest_references').values(chunk),
)

function referenceRows(digest: string, manifest: ManifestReferences): ManifestReferenceRow[] {
  const rows: ManifestReferenceRow[] = []
  const add = (kind: ReferenceKind, descriptor: Descriptor) => {
    rows.push({
      parent_digest: digest,
      position: rows.length,
      kind,
      digest: descriptor.digest,
      media_type: descriptor.mediaType,
      size_bytes: descriptor.size,
      platform: descriptor.platform === undefined ? null : JSON.stringify(descriptor.platform),
    })
  }
  if (manifest.config !== undefined) add('config', manifest.config)
  for (const layer of manifest.layers) add('layer', layer)
  for (const child of manifest.children) add('child', child)
  if (manifest.subject !== undefined) add('subject', manifest.subject)
  return rows
}

export interface ManifestLink {
  readonly digest: Digest
  /** The type it is served with, in this repository. */
  readonly mediaType: string
  readonly subjectDigest: Digest | undefined
  readonly pushedAt?: string | undefined
  readonly mirroredAt?: string | undefined
  /** Absent: staged. */
  readonly publishedAt?: string | undefined
  /** What it is to what it hangs on (`attestedBy`). */
  readonly attested: AttestedBits
  /** Its size, when `insertManifest` has found that nobody had it before. */
  readonly newBytes?: number | undefined
}

/**
 * Links a stored manifest into a repository; times that are set stay set, a link that is published stays so. Whoever brings it last
 * says its type, but nobody says it of what a mirror brought except a mirror.
 * @throws AppError DENIED over the organization's quota
 */
export async function linkManifest(tx: Transaction, repositoryId: string, link: ManifestLink): Promise<void> {
  await chargeLinks(tx, repositoryId, 'manifest', [link.digest], link)
  if (link.newBytes === undefined) await forgetLost(tx, repositoryId, link.digest)
  await insertLink(tx, [
    {
      repository_id: repositoryId,
      digest: link.digest,
      media_type: link.mediaType,
      subject_digest: link.subjectDigest ?? null,
      pushed_at: link.pushedAt ?? null,
      mirrored_at: link.mirroredAt ?? null,
      published_at: link.publishedAt ?? null,
      attested: link.attested,
    },
  ])
}

const insertLink = prepareRows((db, chunk: Chunk<Omit<RepositoryManifestRow, 'size_bytes' | 'doomed_at'>>) =>
  db
    .insertInto('repository_manifests')
    .values(chunk.map((row) => ({ ...row, size_bytes: sizeForLink(db, 'manifest', row.digest) })))
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'digest']).doUpdateSet((eb) => ({
        media_type: eb
          .case()
          .when(
            eb.and([eb('repository_manifests.mirrored_at', 'is not', null), eb('excluded.mirrored_at', 'is', null)]),
          )
          .then(eb.ref('repository_manifests.media_type'))
          .else(eb.ref('excluded.media_type'))
          .end(),
        pushed_at: eb.fn.coalesce('excluded.pushed_at', 'repository_manifests.pushed_at'),
        mirrored_at: eb.fn.coalesce('excluded.mirrored_at', 'repository_manifests.mirrored_at'),
        published_at: eb.fn.coalesce('repository_manifests.published_at', 'excluded.published_at'),
        attested: eb.ref('excluded.attested'),
        doomed_at: null,
      })),
    ),
)

const MANIFEST_COLUMNS = [
  'link.digest',
  'link.media_type',
  'manifest.size_bytes',
  'manifest.bytes',
  'link.subject_digest',
  'link.published_at',
  'manifest.damage',
  'link.doomed_at',
] as const

function manifestQuery(db: Queries) {
  return db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifests as manifest', 'manifest.digest', 'link.digest')
    .select(MANIFEST_COLUMNS)
}

const readByDigest = prepareQuery((db, value: Value<Record<'repositoryId' | 'digest', string>>) =>
  manifestQuery(db).where('link.repository_id', '=', value('repositoryId')).where('link.digest', '=', value('digest')),
)

const readByTag = prepareQuery((db, value: Value<Record<'repositoryId' | 'tag', string>>) =>
  manifestQuery(db)
    .innerJoin('tags as tag', (join) =>
      join.onRef('tag.repository_id', '=', 'link.repository_id').onRef('tag.digest', '=', 'link.digest'),
    )
    .where('tag.repository_id', '=', value('repositoryId'))
    .where('tag.name', '=', value('tag')),
)

type ManifestColumns = Awaited<ReturnType<typeof readByDigest>>[number]

function manifestOf(row: ManifestColumns | undefined, isStagedWanted: boolean): RepositoryManifest | undefined {
  if (row === undefined || row.damage !== null || (row.published_at === null && !isStagedWanted)) return undefined
  return {
    digest: row.digest as Digest,
    mediaType: row.media_type,
    sizeBytes: row.size_bytes,
    bytes: row.bytes,
    subjectDigest: (row.subject_digest ?? undefined) as Digest | undefined,
    publishedAt: row.published_at ?? undefined,
    isDoomed: row.doomed_at !== null,
  }
}

/** A manifest of the repository with its bytes; only published ones unless `staged` is asked for, and none that is damaged. */
export async function findManifest(
  db: Queries,
  repositoryId: string,
  digest: Digest,
  o: { readonly staged?: boolean } = {},
): Promise<RepositoryManifest | undefined> {
  const [row] = await readByDigest(db, { repositoryId, digest })
  return manifestOf(row, o.staged === true)
}

/** The published manifest that a tag points to. */
export async function findTaggedManifest(
  db: Queries,
  repositoryId: string,
  tag: Tag,
): Promise<RepositoryManifest | undefined> {
  const [row] = await readByTag(db, { repositoryId, tag })
  return manifestOf(row, false)
}

/** Which of `digests` the repository has as manifests, with type and size; only published ones unless `staged`, and none that is damaged. */
export async function listManifests(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
  o: { readonly staged?: boolean } = {},
): Promise<Map<Digest, Descriptor>> {
  const found = new Map<Digest, Descriptor>()
  const readThem = o.staged === true ? readLinked : readPublished
  for (const row of await readThem(db, digests, { repositoryId })) {
    const digest = row.digest as Digest
    found.set(digest, { digest, mediaType: row.media_type, size: row.size_bytes })
  }
  return found
}

const readPublished = prepareIn((db, chunk: Chunk<Digest>, value: Value<{ readonly repositoryId: string }>) =>
  linkedQuery(db, value('repositoryId'), chunk).where('link.published_at', 'is not', null),
)
const readLinked = prepareIn((db, chunk: Chunk<Digest>, value: Value<{ readonly repositoryId: string }>) =>
  linkedQuery(db, value('repositoryId'), chunk),
)

function linkedQuery(db: Queries, repositoryId: string, chunk: Chunk<Digest>) {
  return db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifests as manifest', 'manifest.digest', 'link.digest')
    .select(['link.digest', 'link.media_type', 'manifest.size_bytes'])
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', 'in', chunk)
    .where('manifest.damage', 'is', null)
}

/** Config and layers of a manifest of the repository with the sizes that it says, in its order. */
export async function listPartSizes(db: Queries, repositoryId: string, digest: Digest): Promise<[Digest, number][]> {
  const rows = await db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
    .select(['part.digest', 'part.size_bytes'])
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', '=', digest)
    .where('part.kind', 'in', ['config', 'layer'])
    .orderBy('part.position')
    .execute()
  return rows.map((row) => [row.digest as Digest, row.size_bytes])
}

interface ReferrersAsked {
  readonly repositoryId: string
  readonly subject: string
  readonly artifactType: string
  readonly after: string
  readonly limit: number
}

/** No digest is so small. */
const BEFORE_ALL = ''

function referrersQuery(o: { readonly isStagedWanted: boolean; readonly isOfType: boolean }) {
  return prepareQuery((db, value: Value<ReferrersAsked>) =>
    db
      .selectFrom('repository_manifests as link')
      .innerJoin('manifests as manifest', 'manifest.digest', 'link.digest')
      .select(['link.digest', 'link.media_type', 'manifest.size_bytes', 'manifest.artifact_type'])
      .select('manifest.annotations')
      .where('link.repository_id', '=', value('repositoryId'))
      .where('link.subject_digest', '=', value('subject'))
      .where('link.digest', '>', value('after'))
      .$if(!o.isStagedWanted, (query) => query.where('link.published_at', 'is not', null))
      .$if(o.isOfType, (query) => query.where('manifest.artifact_type', '=', value('artifactType')))
      .orderBy('link.digest')
      .limit(value('limit')),
  )
}

const referrersQueries = (isOfType: boolean) => ({
  published: referrersQuery({ isStagedWanted: false, isOfType }),
  all: referrersQuery({ isStagedWanted: true, isOfType }),
})
const readReferrers = referrersQueries(false)
const readReferrersOfType = referrersQueries(true)

/** Published referrers of a subject in digest order, as the referrers API lists them (distribution-spec "Listing Referrers"). */
export async function listReferrers(
  db: Queries,
  repositoryId: string,
  subject: Digest,
  o: {
    readonly artifactType?: string | undefined
    readonly after?: Digest | undefined
    readonly limit: number
    readonly staged?: boolean
  },
): Promise<Descriptor[]> {
  const readPage = o.artifactType === undefined ? readReferrers : readReferrersOfType
  const rows = await readPage[o.staged === true ? 'all' : 'published'](db, {
    repositoryId,
    subject,
    artifactType: o.artifactType ?? '',
    after: o.after ?? BEFORE_ALL,
    limit: o.limit,
  })
  return rows.map((row) => ({
    mediaType: row.media_type,
    digest: row.digest as Digest,
    size: row.size_bytes,
    ...(row.artifact_type === null ? {} : { artifactType: row.artifact_type }),
    ...(row.annotations === null ? {} : { annotations: JSON.parse(row.annotations) as Record<string, string> }),
  }))
}

/** Published manifests of the repository that refer to `digest` as child, config or layer: what keeps it from being deleted. */
export async function listParents(db: Queries, repositoryId: string, digest: Digest): Promise<Digest[]> {
  const rows = await db
    .selectFrom('repository_manifests as link')
    .innerJoin('manifest_references as reference', 'reference.parent_digest', 'link.digest')
    .select('link.digest')
    .distinct()
    .where('reference.digest', '=', digest)
    .where('reference.kind', '!=', 'subject')
    .where('link.repository_id', '=', repositoryId)
    .where('link.published_at', 'is not', null)
    .orderBy('link.digest')
    .execute()
  return rows.map((row) => row.digest as Digest)
}

/**
 * Takes the manifest out of the repository; its bytes stay until nothing links them.
 * @param lost what is said of what it listed, and of what hangs on it @returns whether it was there
 */
export async function unlinkManifest(
  tx: Transaction,
  repositoryId: string,
  digest: Digest,
  lost: Lost,
): Promise<boolean> {
  await noteLostParts(tx, repositoryId, [digest], lost)
  const { numDeletedRows } = await tx
    .deleteFrom('repository_manifests')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (numDeletedRows > 0n) await dischargeLinks(tx, repositoryId, 'manifest', [digest])
  await tx.deleteFrom('manifest_pulls').where('repository_id', '=', repositoryId).where('digest', '=', digest).execute()
  await forgetLost(tx, repositoryId, digest)
  await hideImages(tx, repositoryId, [digest])
  return numDeletedRows > 0n
}
