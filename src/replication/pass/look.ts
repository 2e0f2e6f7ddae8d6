/** Where the target has tags, and whether it still has what hangs on them: one HEAD a tag, and lists only when drift is looked for. */
import type { ReplicationTagRow } from '../../db/schema.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import { type Begin, during } from '../../mirror/pass/current.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TargetRepository } from '../../oci/target-repository.ts'
import { decideTarget, type TargetDecision } from './decide-target.ts'
import { belongingsOf, type LocalGraph } from './graph.ts'
import type { Unit } from './survey.ts'

export interface LookOptions {
  readonly target: TargetRepository
  readonly graph: LocalGraph
  readonly rows: ReadonlyMap<string, ReplicationTagRow>
  readonly drift: 'repair' | 'report'
  readonly concurrency: number
  readonly signal: AbortSignal
  readonly begin: Begin
}

/** @param o.isAll also of tags that are where we left them, as far as we know. @throws TARGET_* of whatever cannot be asked */
export async function decideTags(
  units: readonly Unit[],
  o: LookOptions & { readonly isAll: boolean },
): Promise<Map<Tag, TargetDecision>> {
  const decisions = new Map<Tag, TargetDecision>()
  const tags = new Set(units.flatMap((unit) => [...unit.tags, ...unit.belongings.tags]))
  await forEachConcurrent(tags, o.concurrency, async (tag) => {
    const local = o.graph.tags.get(tag)
    if (local === undefined) return
    const row = o.rows.get(tag)
    const isLeft = row?.state === 'synced' && row.synced_digest === local
    if (isLeft && !o.isAll) {
      decisions.set(tag, decideTarget(local, row, { asked: false, digest: undefined }, o.drift))
      return
    }
    const digest = await during(o.begin, { doing: 'looking-up-tag', tag }, () =>
      o.target.head({ tag }, { signal: o.signal }),
    )
    decisions.set(tag, decideTarget(local, row, { asked: true, digest }, o.drift))
  })
  return decisions
}

/** Referrers that the target does not list any more, though it has what they hang on; by unit. */
export async function findLostReferrers(units: readonly Unit[], o: LookOptions): Promise<Map<Unit, Set<Digest>>> {
  const lists = new Map<Digest, Promise<ReadonlySet<Digest>>>()
  const lost = new Map<Unit, Set<Digest>>()
  const list = (subject: Digest): Promise<ReadonlySet<Digest>> => {
    const asked = lists.get(subject)
    if (asked !== undefined) return asked
    const descriptor = o.graph.manifests.get(subject)?.descriptor
    const read = async () => {
      const found = new Set<Digest>()
      if (descriptor === undefined) return found
      const answer = await during(o.begin, { doing: 'listing-attestations', digest: subject }, () =>
        o.target.reader.listReferrers(descriptor, { signal: o.signal }),
      )
      if (answer !== 'unchanged') for await (const one of answer.items) found.add(one.digest)
      return found
    }
    const answer = read()
    lists.set(subject, answer)
    return answer
  }
  await forEachConcurrent(units, o.concurrency, async (unit) => {
    for (const subject of unit.belongings.manifests) {
      const expected = o.graph.referrers.get(subject) ?? []
      if (expected.length === 0) continue
      const there = await list(subject)
      const missing = expected.filter((digest) => !there.has(digest))
      if (missing.length > 0) lost.set(unit, new Set([...(lost.get(unit) ?? []), ...missing]))
    }
  })
  return lost
}

/** These, and all that belongs to them. */
export function withBelongings(graph: LocalGraph, digests: Iterable<Digest>): Set<Digest> {
  const all = new Set<Digest>()
  for (const digest of digests) for (const one of belongingsOf(graph, digest, '').manifests) all.add(one)
  return all
}
