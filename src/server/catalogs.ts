/** Catalogs with what they are read through: the sources of mirrors, the operator's folders, the sample of this very server. */
import { type Catalogs, createCatalogs } from '../catalog/catalogs.ts'
import type { Database } from '../db/engine/engine.ts'
import { findUpstream } from '../db/mirrors/upstreams.ts'
import type { UpstreamRow } from '../db/schema.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { AddressPolicy } from '../net/address-guard.ts'
import { createHttpClient } from '../net/guarded-fetch.ts'
import type { RunningSample } from './sample.ts'
import type { Sources } from './sources.ts'

/** Archives fetched at once. */
const REQUESTS = 4
/** In whose share the requests for a shared catalog count: no organization's id. */
const OPERATOR = 'operator'

export function createServerCatalogs(o: {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly policy: AddressPolicy
  readonly sources: Sources
  readonly folders: ReadonlyMap<string, string>
  readonly sample: RunningSample | undefined
}): Catalogs {
  const { db, clock, logger, sources, folders, sample } = o
  const isSample = ({ organization_id, url }: UpstreamRow) => organization_id === null && url === sample?.url
  const catalogs = createCatalogs({
    db,
    clock,
    logger,
    places: {
      folders,
      sampleDefinitions: (upstream) =>
        sample !== undefined && isSample(upstream)
          ? async () => ({ files: await sample.definitionFiles(), notes: [] })
          : undefined,
      http: createHttpClient({ policy: o.policy, maxInFlight: REQUESTS }),
    },
    openRegistry: (upstream) => sources.openRegistry(upstream, upstream.organization_id ?? undefined),
    openRepository: (upstream, repository) =>
      sources.openSource(upstream, repository, upstream.organization_id ?? OPERATOR, () => 'recheck').reader,
  })
  return {
    ...catalogs,
    async resume(how) {
      // What the operator names is there before anybody looks.
      for (const name of folders.keys()) {
        const upstream = await findUpstream(db.read, null, name)
        if (upstream !== undefined) await catalogs.refresh(upstream.id)
        else logger.warn({ upstream: name }, 'KAGAMI_DEFINITIONS names an upstream that is not there, or not shared')
      }
      await catalogs.resume(how)
    },
  }
}
