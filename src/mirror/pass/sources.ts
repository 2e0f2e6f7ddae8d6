/** The registries that a mirror comes from, opened for one pass. */
import type { Database } from '../../db/engine/engine.ts'
import { findUpstreamById } from '../../db/mirrors/upstreams.ts'
import type { MirrorRow, UpstreamRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import type { Priority } from '../../net/priority.ts'
import { digestOf } from '../../oci/digest.ts'
import { parseRepositoryName } from '../../oci/reference.ts'
import type { MirrorEngineOptions, Source } from '../engine.ts'

/** Both registries of one mirror, opened for one pass. */
export interface Sources {
  readonly image: Source
  readonly referrers: (Source & { readonly upstream: string }) | undefined
  /** Upstream address and credential, as one value each. */
  readonly keys: { readonly image: string; readonly referrers: string }
}

export async function openSources(
  { db, openSource }: Pick<MirrorEngineOptions, 'db' | 'openSource'>,
  mirror: Pick<MirrorRow, 'upstream_id' | 'source_repository' | 'organization_id'>,
  priority?: () => Priority,
): Promise<Sources> {
  const repository = parseRepositoryName(mirror.source_repository)
  const upstream = await getUpstream(db, mirror.upstream_id)
  const other = upstream.referrers_from === null ? undefined : await getUpstream(db, upstream.referrers_from)
  return {
    image: await openSource(upstream, repository, mirror.organization_id, priority),
    referrers: other && {
      ...(await openSource(other, repository, mirror.organization_id, priority)),
      upstream: other.name,
    },
    keys: { image: sourceKey(upstream), referrers: sourceKey(other ?? upstream) },
  }
}

async function getUpstream(db: Database, id: string): Promise<UpstreamRow> {
  const upstream = await findUpstreamById(db.read, id)
  if (upstream === undefined) throw new AppError('NOT_FOUND', 'the upstream of this mirror is gone')
  return upstream
}

/** A changed password is another credential: what it may read has to be proven anew. */
function sourceKey(upstream: UpstreamRow): string {
  return digestOf(JSON.stringify([upstream.url, upstream.username, upstream.sealed_password]))
}
