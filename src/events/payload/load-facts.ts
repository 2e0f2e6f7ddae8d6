/** Reads what a payload says beside its event: the repository, the image, what came with it, and what changed. */

import type { Storage } from '../../contents/read-document.ts'
import { findTaggedImage } from '../../contents/tagged-image.ts'
import { findTag } from '../../db/content/tags.ts'
import type { Database } from '../../db/engine/engine.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { createSharing } from '../../lib/sharing.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { createDifferences } from './differences.ts'
import { type DeliveredEvent, SUMMARY, tagWords } from './event.ts'
import { detailsOf, imageFacts, organizationName, repositoryFacts, runFacts, tagsMovedBy } from './event-facts.ts'
import type { DeliveryFacts } from './facts.ts'
import { createMetadata, NOTHING_TOLD } from './metadata.ts'

export interface FactsOptions {
  readonly publicUrl: string
  /** Where the receiver posts its outcome. */
  readonly callbackUrl?: string | undefined
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

type Facts = Omit<DeliveryFacts, keyof FactsOptions>

/** After this long a payload goes without what changed: a delivery is not held up. */
const PATIENCE_MS = 5000
/** One event goes to several webhooks, and seven tags move together: what was read for the first serves the others. */
const SHARED_MS = 10_000
/** Of each kind of facts: what changed may be half a megabyte a tag. */
const MAX_SHARED_BYTES = 16 * 1024 * 1024
const MAX_TAGS = 200

export function createFactsLoader(options: FactsLoaderOptions): FactsLoader {
  const { db, blobs, clock = systemClock, patience = () => AbortSignal.timeout(PATIENCE_MS) } = options
  const storage: Storage = { db, blobs }
  const metadata = createMetadata(storage, createDifferences({ db, blobs, clock }))
  const shared = { ttlMs: SHARED_MS, maxBytes: MAX_SHARED_BYTES, sizeOf }
  // What was left out may be there for the next one.
  const isKept = ({ leftOut }: Pick<Facts, 'leftOut'>) => leftOut === undefined
  const ofEvents = createSharing<Facts>({ ...shared, isKept })
  const ofImages = createSharing<Pick<Facts, 'image' | 'metadata' | 'leftOut'>>({ ...shared, isKept })
  const ofMoves = createSharing<readonly string[]>(shared)

  async function read(event: DeliveredEvent): Promise<Facts> {
    const { tag, from, runId, ...words } = tagWords(event)
    const { organizationId, at, kind } = event
    const repository = await repositoryFacts(db.read, event)
    const repositoryId = repository?.id
    const isSummary = kind === SUMMARY && tag !== undefined && repositoryId !== undefined
    const to = isSummary ? ((await findTag(db.read, repositoryId, tag as Tag))?.digest as Digest | undefined) : words.to
    const named = await ofMoves.ask(JSON.stringify([event.repositoryId, at, kind, to]), () =>
      tagsMovedBy(db.read, event),
    )
    const others = named.filter((one) => one !== tag)
    return {
      from,
      to: isSummary ? to : undefined,
      organization: await organizationName(db.read, organizationId),
      repository,
      run: runId === undefined ? undefined : await runFacts(db.read, runId),
      movedWith: { tags: others.slice(0, MAX_TAGS), total: others.length },
      ...(repositoryId === undefined || to === undefined
        ? { image: undefined, ...NOTHING_TOLD }
        : await ofImages.ask(JSON.stringify([repositoryId, tag, from, to]), () =>
            readImage({ organizationId, repositoryId, tag, from }, to),
          )),
      details: repositoryId === undefined ? {} : await detailsOf(db.read, repositoryId, event),
    }
  }

  async function readImage(
    moved: { organizationId: string; repositoryId: string; tag: string | undefined; from: Digest | undefined },
    to: Digest,
  ): Promise<Pick<Facts, 'image' | 'metadata' | 'leftOut'>> {
    const { tag, from, repositoryId } = moved
    const image = await findTaggedImage(storage, repositoryId, to)
    if (image === undefined) return { image, ...NOTHING_TOLD }
    const told =
      tag === undefined || from === undefined
        ? NOTHING_TOLD
        : await metadata.of({ ...moved, tag, from }, image, patience())
    return { image: await imageFacts(db.read, repositoryId, image), ...told }
  }

  return {
    async load(event, { publicUrl, callbackUrl }) {
      const { from } = tagWords(event)
      const facts = await ofEvents.ask(JSON.stringify([event.id, event.payload.tag, from]), () => read(event))
      return { ...facts, publicUrl, callbackUrl }
    },
  }
}

/** About what it takes in memory: several times its JSON. */
function sizeOf(found: object): number {
  return 4 * JSON.stringify(found, (_, value) => (value instanceof Map ? [...value] : value)).length
}
