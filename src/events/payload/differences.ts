/**
 * What changed from one image to the next, found out once. Reading attestations may take long, and they are somebody's content: it is done
 * in turns, few at once, each organization its share, and whoever waits waits no longer than its signal says.
 */

import type { Storage } from '../../contents/read-document.ts'
import { type ImagePlace, readImage } from '../../contents/read-image.ts'
import { findDifference, keepDifference } from '../../db/content/image-differences.ts'
import type { Database } from '../../db/engine/engine.ts'
import { AppError } from '../../errors.ts'
import { orAborted } from '../../lib/abort.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { createFairLimiter } from '../../lib/fair-limiter.ts'
import { digestOf } from '../../oci/digest.ts'
import { type Comparison, compareImages } from './compare-images.ts'

export interface Difference extends Comparison {
  /** Attestations that told nothing, and why. */
  readonly unread: readonly string[]
}

export interface Differences {
  /** @throws AppError CANCELLED once `signal` aborts, though the work goes on for whoever asks next; TOOMANYREQUESTS; BLOB_UNKNOWN */
  between(organizationId: string, before: ImagePlace, after: ImagePlace, signal: AbortSignal): Promise<Difference>
}

/** Another way to compare makes other keys. */
const VERSION = 1
const KEPT_MS = 90 * 24 * 60 * 60 * 1000
/** Of the largest attestations, read one after the other. */
const MAX_WORK_MS = 120_000

export interface DifferencesOptions {
  readonly db: Database
  readonly blobs: Storage['blobs']
  readonly clock: Clock
}

export function createDifferences({ db, blobs, clock }: DifferencesOptions): Differences {
  const limiter = createFairLimiter({
    atOnce: 1,
    total: 64,
    perClient: 16,
    refuse: () => new AppError('TOOMANYREQUESTS', 'too many images wait to be compared'),
  })
  const underWay = new Map<string, Promise<Difference>>()

  async function compare(key: string, before: ImagePlace, after: ImagePlace): Promise<Difference> {
    const signal = AbortSignal.timeout(MAX_WORK_MS)
    const [old, now] = [await readImage({ db, blobs }, before, signal), await readImage({ db, blobs }, after, signal)]
    const found = { ...compareImages(old.contents, now.contents), unread: [...old.unread, ...now.unread] }
    const at = clock.now()
    const row = { key, at: isoTime(at), difference: JSON.stringify(found) }
    await db.write((tx) => keepDifference(tx, { ...row, before: isoTime(new Date(at.getTime() - KEPT_MS)) }))
    return found
  }

  return {
    async between(organizationId, before, after, signal) {
      const key = keyOf(before, after)
      const known = await findDifference(db.read, key)
      if (known !== undefined) return JSON.parse(known) as Difference
      let work = underWay.get(key)
      if (work === undefined) {
        work = limiter.run(organizationId, () => compare(key, before, after)).finally(() => underWay.delete(key))
        // Whoever waits hears of a failure; when nobody does any more, it is nobody's.
        work.catch(() => {})
        underWay.set(key, work)
      }
      return await orAborted(work, signal)
    },
  }
}

/** Of all that is compared: one repository never learns by it what another's attestations say. */
function keyOf(...images: readonly ImagePlace[]): string {
  const facts = images.map(({ digest, config, documents }) => [
    digest,
    config,
    documents.map(({ kind, form, blob, subject }) => [kind, form, blob, subject]),
  ])
  return digestOf(JSON.stringify([VERSION, facts]))
}
