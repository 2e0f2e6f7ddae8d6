/** Reads what a payload says beside its event: the repository, the image, what came with it, and what changed. */
import type { Database } from '../../db/engine/engine.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import type { Digest } from '../../oci/digest.ts'
import { createDifferences } from './differences.ts'
import { type DeliveredEvent, tagWords } from './event.ts'
import { detailsOf, imageFacts, movedWith, organizationName, repositoryFacts, runFacts } from './event-facts.ts'
import type { DeliveryFacts } from './facts.ts'
import { createMetadata, NOTHING_TOLD } from './metadata.ts'
import type { Storage } from './read-document.ts'
import { findTaggedImage } from './tagged-image.ts'

export interface FactsOptions {
  readonly publicUrl: string
  /** Where the receiver posts its outcome. */
  readonly callbackUrl?: string | undefined
  /** Where the tag pointed before, when the event stands for earlier moves too. */
  readonly from?: Digest | undefined
}

export interface FactsLoader {
  /** @throws what the database and the blob store throw: then nothing is delivered, and it is tried again */
  load(event: DeliveredEvent, o: FactsOptions): Promise<DeliveryFacts>
}

export interface FactsLoaderOptions {
  readonly db: Database
  readonly blobs: Storage['blobs']
  readonly clock?: Clock
  /** What ends the wait for what changed; PATIENCE_MS unless given. */
  readonly patience?: () => AbortSignal
}

/** After this long a payload goes without what changed: a delivery is not held up. */
const PATIENCE_MS = 5000

export function createFactsLoader(options: FactsLoaderOptions): FactsLoader {
  const { db, blobs, clock = systemClock, patience = () => AbortSignal.timeout(PATIENCE_MS) } = options
  const storage: Storage = { db, blobs }
  const metadata = createMetadata(storage, createDifferences({ db, blobs, clock }))
  return {
    async load(event, o) {
      const { tag, from: said, to, runId } = tagWords(event)
      const from = o.from ?? said
      const repository = await repositoryFacts(db.read, event)
      const repositoryId = repository?.id
      const image =
        repositoryId === undefined || to === undefined ? undefined : await findTaggedImage(storage, repositoryId, to)
      const { organizationId } = event
      const told =
        repositoryId === undefined || image === undefined || tag === undefined || from === undefined
          ? NOTHING_TOLD
          : await metadata.of({ organizationId, repositoryId, tag, from }, image, patience())
      return {
        publicUrl: o.publicUrl,
        callbackUrl: o.callbackUrl,
        from,
        organization: await organizationName(db.read, organizationId),
        repository,
        image: image === undefined ? undefined : await imageFacts(db.read, repositoryId ?? '', image),
        run: runId === undefined ? undefined : await runFacts(db.read, runId),
        movedWith: await movedWith(db.read, event),
        ...told,
        details: repositoryId === undefined ? {} : await detailsOf(db.read, repositoryId, event),
      }
    },
  }
}
