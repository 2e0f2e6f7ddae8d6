/** A few entries of a catalog at a time: what their images say of themselves. */

import type { Database } from '../../db/engine/engine.ts'
import { listFactsDue, setFacts } from '../../db/mirrors/catalog-entries.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import { isAppError, messageOf } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import type { RepositoryReader } from '../../oci/repository.ts'
import { readFacts } from '../facts.ts'
import type { Step } from './apply.ts'

/** Entries of one refresh, six requests at most each. */
const ENTRIES_A_TURN = 12
const KEPT_MS = 7 * 24 * 60 * 60 * 1000
const MAX_READ_MS = 60_000

/** @returns whether there are more that nothing was read of */
export async function readImages(
  o: { readonly db: Database; readonly clock: Clock; readonly logger: Logger },
  upstream: UpstreamRow,
  open: (repository: RepositoryName) => RepositoryReader,
  step: Step,
  signal: AbortSignal,
): Promise<boolean> {
  const before = isoTime(new Date(o.clock.now().getTime() - KEPT_MS))
  const due = await listFactsDue(o.db.read, upstream.id, { before, limit: ENTRIES_A_TURN + 1 })
  for (const { repository, facts_digest: known } of due.slice(0, ENTRIES_A_TURN)) {
    const facts_at = isoTime(o.clock.now())
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(MAX_READ_MS)])
      const read = await readFacts(open(repository), known, within)
      const facts = read?.facts === undefined ? {} : { facts: JSON.stringify(read.facts), facts_digest: read.digest }
      await step((tx) => setFacts(tx, upstream.id, repository, { ...facts, facts_at }))
    } catch (error) {
      if (signal.aborted) throw error
      // A registry that does not answer, or asks for patience, is left alone until the next time.
      if (!isAppError(error) || isAppError(error, 'UPSTREAM_UNAVAILABLE') || isAppError(error, 'CANCELLED')) {
        o.logger.debug({ upstream: upstream.name, repository, reason: messageOf(error) }, 'an image was not read')
        return true
      }
      await step((tx) => setFacts(tx, upstream.id, repository, { facts_at }))
    }
  }
  return due.length > ENTRIES_A_TURN
}
