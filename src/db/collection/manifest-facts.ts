/** What keeps the manifests of a repository, by one look at their direct holders: what those hold on to follows once they are gone. */
import { allOfChunks, type Chunk } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import type { SupersededManifestRow } from '../schema.ts'

/** A manifest as the collector judges it. Times are ISO 8601. */
export interface ManifestFacts {
  readonly digest: string
  readonly sizeBytes: number
  /** By a tag, the history, a pin, or a mirror that waits for its attestations. */
  readonly isNamed: boolean
  /** Manifests of the repository that list it. */
  readonly parents: number
  /** Its subject, if the repository has that. */
  readonly subject: string | undefined
  readonly isStaged: boolean
  readonly isPushed: boolean
  readonly isMirrored: boolean
  /** When it was last pushed or mirrored. */
  readonly storedAt: string
  readonly pulledAt: string | undefined
  readonly doomedAt: string | undefined
  /** Something held it once. */
  readonly wasHeld: boolean
  readonly since: string | undefined
  readonly cause: SupersededManifestRow['cause']
  readonly touchedAt: string | undefined
}

/** @param chunk of digests: those that the repository does not have are left out */
export async function readManifestFacts(
  db: Queries,
  repositoryId: string,
  digests: readonly string[],
): Promise<ManifestFacts[]> {
  const rows = await allOfChunks(digests, (chunk) => factsQuery(db, repositoryId, chunk).execute())
  return rows.map((row) => ({
    digest: row.digest,
    sizeBytes: Number(row.size_bytes),
    isNamed: [row.tagged, row.past, row.pinned, row.waited].some((one) => one !== null),
    parents: Number(row.parents),
    subject: row.subject ?? undefined,
    isStaged: row.published_at === null,
    isPushed: row.pushed_at !== null,
    isMirrored: row.mirrored_at !== null,
    storedAt: [row.pushed_at, row.mirrored_at, row.published_at].reduce<string>(
      (a, b) => (b !== null && b > a ? b : a),
      '',
    ),
    pulledAt: row.pulled_at ?? undefined,
    doomedAt: row.doomed_at ?? undefined,
    wasHeld: row.known !== null,
    since: row.since ?? undefined,
    cause: row.cause,
    touchedAt: row.touched_at ?? undefined,
  }))
}

function factsQuery(db: Queries, repositoryId: string, chunk: Chunk<string>) {
  return db
    .selectFrom('repository_manifests as link')
    .leftJoin('superseded_manifests as lost', (join) =>
      join.onRef('lost.repository_id', '=', 'link.repository_id').onRef('lost.digest', '=', 'link.digest'),
    )
    .leftJoin('manifest_pulls as pull', (join) =>
      join.onRef('pull.repository_id', '=', 'link.repository_id').onRef('pull.digest', '=', 'link.digest'),
    )
    .leftJoin('repository_manifests as subject', (join) =>
      join
        .onRef('subject.repository_id', '=', 'link.repository_id')
        .onRef('subject.digest', '=', 'link.subject_digest'),
    )
    .select(['link.digest', 'link.size_bytes', 'link.published_at', 'link.pushed_at', 'link.mirrored_at'])
    .select(['link.doomed_at', 'lost.digest as known', 'lost.since', 'lost.cause', 'lost.touched_at'])
    .select(['pull.last_pulled_at as pulled_at', 'subject.digest as subject'])
    .select((eb) => [
      eb
        .selectFrom('tags')
        .select('tags.name')
        .whereRef('tags.repository_id', '=', 'link.repository_id')
        .whereRef('tags.digest', '=', 'link.digest')
        .limit(1)
        .as('tagged'),
      eb
        .selectFrom('tag_history as past')
        .select('past.id')
        .whereRef('past.repository_id', '=', 'link.repository_id')
        .whereRef('past.to_digest', '=', 'link.digest')
        .limit(1)
        .as('past'),
      eb
        .selectFrom('mirrors')
        .innerJoin('tag_pins as pin', 'pin.mirror_id', 'mirrors.id')
        .select('pin.tag')
        .whereRef('mirrors.repository_id', '=', 'link.repository_id')
        .whereRef('pin.digest', '=', 'link.digest')
        .limit(1)
        .as('pinned'),
      eb
        .selectFrom('mirrors')
        .innerJoin('mirror_holds as hold', 'hold.mirror_id', 'mirrors.id')
        .select('hold.digest')
        .whereRef('mirrors.repository_id', '=', 'link.repository_id')
        .whereRef('hold.digest', '=', 'link.digest')
        .limit(1)
        .as('waited'),
      eb
        .selectFrom('repository_manifests as parent')
        .innerJoin('manifest_references as part', 'part.parent_digest', 'parent.digest')
        .select((of) => of.fn.count<number>('parent.digest').distinct().as('parents'))
        .whereRef('parent.repository_id', '=', 'link.repository_id')
        .whereRef('part.digest', '=', 'link.digest')
        .where('part.kind', '!=', 'subject')
        .as('parents'),
    ])
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', 'in', chunk)
}

/** Of a portion of a repository's manifests those that no tag names, no manifest lists, and that hang on nothing here. */
export async function listLooseManifests(
  db: Queries,
  repositoryId: string,
  range: { readonly after: string; readonly to: string },
): Promise<string[]> {
  const rows = await db
    .selectFrom('repository_manifests as link')
    .select('link.digest')
    .where('link.repository_id', '=', repositoryId)
    .where('link.digest', '>', range.after)
    .where('link.digest', '<=', range.to)
    .where((eb) =>
      eb.and([
        eb.not(
          eb.exists(
            eb
              .selectFrom('tags')
              .select('tags.name')
              .whereRef('tags.repository_id', '=', 'link.repository_id')
              .whereRef('tags.digest', '=', 'link.digest'),
          ),
        ),
        eb.not(
          eb.exists(
            eb
              .selectFrom('repository_manifests as subject')
              .select('subject.digest')
              .whereRef('subject.repository_id', '=', 'link.repository_id')
              .whereRef('subject.digest', '=', 'link.subject_digest'),
          ),
        ),
        eb.not(
          eb.exists(
            eb
              .selectFrom('manifest_references as part')
              .innerJoin('repository_manifests as parent', 'parent.digest', 'part.parent_digest')
              .select('part.digest')
              .whereRef('parent.repository_id', '=', 'link.repository_id')
              .whereRef('part.digest', '=', 'link.digest')
              .where('part.kind', '!=', 'subject'),
          ),
        ),
      ]),
    )
    .orderBy('link.digest')
    .execute()
  return rows.map(({ digest }) => digest)
}

/** What manifests of a repository hold on to: what they list, and what hangs on them. */
export async function listBelow(
  db: Queries,
  repositoryId: string,
  digests: readonly string[],
): Promise<{ readonly holder: string; readonly kind: 'child' | 'blob' | 'referrer'; readonly digest: string }[]> {
  const parts = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom('repository_manifests as link')
      .innerJoin('manifest_references as part', 'part.parent_digest', 'link.digest')
      .select(['part.parent_digest', 'part.kind', 'part.digest'])
      .distinct()
      .where('link.repository_id', '=', repositoryId)
      .where('link.digest', 'in', chunk)
      .where('part.kind', '!=', 'subject')
      .execute(),
  )
  const attached = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom('repository_manifests')
      .select(['digest', 'subject_digest'])
      .where('repository_id', '=', repositoryId)
      .where('subject_digest', 'in', chunk)
      .execute(),
  )
  return [
    ...parts.map((part) => ({
      holder: part.parent_digest,
      kind: part.kind === 'child' ? ('child' as const) : ('blob' as const),
      digest: part.digest,
    })),
    ...attached.map((row) => ({ holder: row.subject_digest ?? '', kind: 'referrer' as const, digest: row.digest })),
  ]
}

/** The manifests that lost their last holder last, other than by a person's deletion or with what held them. */
export async function listNewestSuperseded(db: Queries, repositoryId: string, limit: number): Promise<Set<string>> {
  const rows = await db
    .selectFrom('superseded_manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('since', 'is not', null)
    .where('cause', 'is', null)
    .orderBy('since', 'desc')
    .orderBy('digest')
    .limit(limit)
    .execute()
  return new Set(rows.map(({ digest }) => digest))
}

/** Manifests that were found to be held by nothing, after one: some may be held again. */
export async function listNotedSince(
  db: Queries,
  repositoryId: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('superseded_manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('since', 'is not', null)
    .where('digest', '>', after)
    .orderBy('digest')
    .limit(limit)
    .execute()
  return rows.map(({ digest }) => digest)
}
