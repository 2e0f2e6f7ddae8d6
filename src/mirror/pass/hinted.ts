/** A hint names tags; most of what it costs is saved by asking for each of them first, before anything is listed. */
import type { MirrorTagRow } from '../../db/schema.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryReader } from '../../oci/repository.ts'
import { type Begin, during } from './current.ts'
import { decideTag } from './decide-tag.ts'
import type { Known } from './known.ts'
import type { RunReport } from './run-report.ts'
import { tagRows } from './run-rows.ts'

export interface HintedTags {
  /** What a pass has to look at. */
  readonly left: ReadonlySet<Tag>
  /** What is here as upstream has it. */
  readonly inStep: readonly { readonly tag: Tag; readonly digest: Digest }[]
}

/**
 * One HEAD a tag. Tags that people keep the mirror from, that they have moved here, or that upstream does not have, are no failures when
 * only upstream has named them: they are left alone.
 * @param o.attached something that hangs on these was pushed, so that the same digest says nothing
 * @throws what the reader throws
 */
export async function lookAtHinted(o: {
  readonly reader: Pick<RepositoryReader, 'resolve'>
  readonly known: Known
  readonly only: ReadonlySet<Tag>
  readonly attached: ReadonlySet<Tag>
  readonly concurrency: number
  readonly signal: AbortSignal
  readonly begin?: Begin | undefined
}): Promise<HintedTags> {
  const { known } = o
  const left = new Set<Tag>()
  const inStep: { tag: Tag; digest: Digest }[] = []
  await forEachConcurrent(o.only, o.concurrency, async (tag) => {
    const before = known.tags.get(tag)
    if (before?.excluded !== undefined) return
    const looking = { doing: 'looking-up-tag', tag } as const
    const descriptor = await during(o.begin, looking, () => o.reader.resolve({ tag }, { signal: o.signal }))
    if (descriptor === undefined) return
    const { digest } = descriptor
    const decision = decideTag(digest, before, known.excluded)
    if (decision.action === 'skip') return
    const isInStep =
      decision.action === 'keep' && !decision.isAdopted && known.manifests.get(digest)?.isPublished === true
    if (isInStep && !o.attached.has(tag)) inStep.push({ tag, digest })
    else left.add(tag)
  })
  return { left, inStep }
}

/** As a pass records them. */
export function inStepRows({ inStep }: HintedTags, mirrorId: string, at: string): MirrorTagRow[] {
  const tags = inStep.map(({ tag, digest }) => ({ tag, digest, state: 'synced' as const, ...NOTHING_WRONG }))
  return tagRows(tags, mirrorId, at)
}

const NOTHING_WRONG = { reason: undefined, problem: undefined }

/** The report of a run that found nothing to do. */
export function nothingLeft(tags: readonly MirrorTagRow[]): RunReport {
  return {
    outcome: 'done',
    reason: null,
    failures: [],
    items: [],
    planned: { tagsUnchanged: tags.length },
    failedTags: 0,
    overQuota: undefined,
    excludedTags: 0,
    divergedTags: 0,
    pinnedTags: 0,
    heldTags: 0,
    listedTags: undefined,
    holds: [],
    unlisted: { rows: [], listed: [] },
    holdUntil: undefined,
    tags,
    subjects: [],
    learned: new Map(),
    outlived: [],
    forgotten: [],
    isOwed: false,
  }
}
