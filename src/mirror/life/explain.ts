/** Explains the tags of a mirror: what passes saw, what people decided, and, for a tag that no pass has seen, what upstream says. */
import type { TagExplanation } from '../../api/explain.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { Database } from '../../db/engine/engine.ts'
import { listOddTags, readTagFacts, type TagFacts } from '../../db/mirrors/explain.ts'
import { isResting } from '../../db/mirrors/life.ts'
import { listExcludedDigests } from '../../db/mirrors/mirror-exclusions.ts'
import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import { readPage } from '../../lib/weighed-page.ts'
import type { Tag } from '../../oci/reference.ts'
import type { BudgetPause, MirrorEngineOptions } from '../engine.ts'
import { problemOf } from '../pass/problem.ts'
import { openSources } from '../pass/sources.ts'
import { type Asked, explainTag } from './explain-tag.ts'

export interface ExplainRequest {
  /** These; undefined: all that are not simply in step. */
  readonly tags?: readonly Tag[] | undefined
  readonly limit: number
  readonly after?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Explained {
  readonly tags: readonly TagExplanation[]
  readonly next: string | null
}

/** Requests to upstream at once. */
const ASKED_AT_ONCE = 4
/** People wait for the answer. */
const ASK_TIMEOUT_MS = 20_000

/** @param o.mirror as it is shown, for its standing and its next run */
export async function explainMirror(
  options: Pick<MirrorEngineOptions, 'db' | 'openSource'> & { readonly clock: Clock },
  record: MirrorRecord,
  o: ExplainRequest & { readonly mirror: Mirror },
): Promise<Explained> {
  const { db } = options
  const excluded = await listExcludedDigests(db.read, record.id)
  const context = { mirror: o.mirror, excluded, budgetWait: await findBudgetWait(options, record) }
  if (o.tags !== undefined) {
    const facts = await readTagFacts(db.read, record, o.tags)
    const asked = await askUnseen(options, record, facts, o.signal)
    return { tags: facts.map((one) => explainTag(one, context, asked.get(one.tag))), next: null }
  }
  const { items, next } = await readPage({
    limit: o.limit,
    after: o.after,
    read: async (after, limit) => {
      const tags = await listOddTags(db.read, record, { after, limit })
      return (await readTagFacts(db.read, record, tags)).map((one) => explainTag(one, context))
    },
    keyOf: ({ name }) => name,
  })
  return { tags: items, next }
}

/** Until when nothing may be asked of its registries, and why; undefined: it may. Asks nothing itself. */
async function findBudgetWait(
  options: Pick<MirrorEngineOptions, 'db' | 'openSource'>,
  record: MirrorRecord,
): Promise<BudgetPause | undefined> {
  try {
    const { image, referrers } = await openSources(options, record)
    const pauses = await Promise.all([image.pauses?.() ?? [], referrers?.pauses?.() ?? []])
    return pauses.flat().sort((a, b) => (a.until > b.until ? -1 : 1))[0]
  } catch (error) {
    // A login that cannot be read is told by the run that needs it.
    problemOf(error)
    return undefined
  }
}

/** One HEAD a tag that neither passes nor people have seen. */
async function askUnseen(
  options: { readonly db: Database; readonly clock: Clock } & Pick<MirrorEngineOptions, 'openSource'>,
  record: MirrorRecord,
  facts: readonly TagFacts[],
  signal: AbortSignal | undefined,
): Promise<Map<Tag, Asked>> {
  const asked = new Map<Tag, Asked>()
  const unseen = facts.filter(
    ({ seen, exclusion, pin }) => seen === undefined && exclusion === undefined && pin === undefined,
  )
  if (unseen.length === 0) return asked
  if (record.state === 'stopped' || (await isResting(options.db.read, record.id))) {
    return new Map(unseen.map(({ tag }) => [tag, 'not asked']))
  }
  const within = AbortSignal.any([...(signal === undefined ? [] : [signal]), AbortSignal.timeout(ASK_TIMEOUT_MS)])
  const at = isoTime(options.clock.now())
  try {
    const { image } = await openSources(options, record)
    await forEachConcurrent(unseen, ASKED_AT_ONCE, async ({ tag }) => {
      try {
        const found = await image.reader.resolve({ tag }, { signal: within })
        asked.set(tag, { at, digest: found?.digest })
      } catch (error) {
        asked.set(tag, { at, problem: sayProblem(error, within, signal) })
      }
    })
  } catch (error) {
    const problem = sayProblem(error, within, signal)
    for (const { tag } of unseen) asked.set(tag, { at, problem })
  }
  return asked
}

/** An end by the caller is thrown on; the end of the time is upstream's failure. */
function sayProblem(error: unknown, within: AbortSignal, signal: AbortSignal | undefined) {
  if (within.aborted && signal?.aborted !== true) {
    return { code: 'UPSTREAM_UNAVAILABLE', message: `upstream did not answer within ${ASK_TIMEOUT_MS / 1000} s` }
  }
  return problemOf(error)
}
