/** Mirrors that content came by, and that can bring it anew. */
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { DamageKind } from '../content/damage.ts'
import type { Queries } from '../engine/engine.ts'

export interface RepairMirror {
  readonly id: string
  readonly repository_id: string
  readonly upstream_id: string
  readonly source_repository: string
  readonly organization_id: string
  readonly repository: string
}

/** Mirrors into repositories that hold the content, or name it; the first `limit` by name. */
export async function listRepairMirrors(
  db: Queries,
  { kind, digest }: { readonly kind: DamageKind; readonly digest: Digest },
  limit: number,
): Promise<RepairMirror[]> {
  return db
    .selectFrom('mirrors as mirror')
    .innerJoin('repositories as repository', 'repository.id', 'mirror.repository_id')
    .select(['mirror.id', 'mirror.repository_id', 'mirror.upstream_id', 'mirror.source_repository'])
    .select(['mirror.organization_id', 'repository.name as repository'])
    .$if(kind === 'blob', (query) =>
      query.where('mirror.repository_id', 'in', (eb) =>
        eb.selectFrom('repository_blobs').select('repository_id').where('digest', '=', digest),
      ),
    )
    .$if(kind === 'manifest', (query) =>
      query.where('mirror.repository_id', 'in', (eb) =>
        eb.selectFrom('repository_manifests').select('repository_id').where('digest', '=', digest),
      ),
    )
    .$if(kind === 'reference', (query) =>
      query.where('mirror.repository_id', 'in', (eb) =>
        eb
          .selectFrom('manifest_references as part')
          .innerJoin('repository_manifests as link', 'link.digest', 'part.parent_digest')
          .select('link.repository_id')
          .where('part.digest', '=', digest)
          .where('link.published_at', 'is not', null),
      ),
    )
    .orderBy('repository.name')
    .limit(limit)
    .execute()
}

/** What manifests say of the content; of a manifest that none lists, what a repository says. */
export async function findDescriptor(db: Queries, kind: DamageKind, digest: Digest): Promise<Descriptor | undefined> {
  const part = await db
    .selectFrom('manifest_references')
    .select(['media_type', 'size_bytes'])
    .where('digest', '=', digest)
    .where('kind', '!=', 'subject')
    .limit(1)
    .executeTakeFirst()
  const row =
    part ??
    (kind !== 'manifest'
      ? undefined
      : await db
          .selectFrom('repository_manifests')
          .select(['media_type', 'size_bytes'])
          .where('digest', '=', digest)
          .limit(1)
          .executeTakeFirst())
  return row === undefined ? undefined : { mediaType: row.media_type, digest, size: row.size_bytes }
}
