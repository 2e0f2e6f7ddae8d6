/** What a pass leaves behind: the state of each tag, what failed, and what it did, for people and for the next pass. Pure. */
import type { RunFailure } from '../../api/runs.ts'
import type { ReplicationItem } from '../../db/replication/runs.ts'
import type { ReplicationTagRow } from '../../db/schema.ts'
import { inWordsOf } from '../../mirror/pass/source-words.ts'
import type { RootWork } from '../../mirror/pass/sync-plan.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TargetDecision } from './decide-target.ts'
import type { LocalGraph } from './graph.ts'
import type { Sent } from './send.ts'
import type { Survey, Unit } from './survey.ts'
import type { Held } from './waiting.ts'

const MAX_FAILURES = 500
/** What a pass reads. */
const HERE = 'this server'

export interface ReplicationReport {
  readonly outcome: 'done' | 'partial' | 'failed'
  readonly reason: string | null
  readonly failures: readonly RunFailure[]
  readonly items: readonly ReplicationItem[]
  readonly planned: Readonly<Record<string, number>>
  readonly rows: readonly ReplicationTagRow[]
  /** Tags that are gone here and were never sent. */
  readonly forgotten: readonly string[]
  /** The place in the event log that the pass has seen. */
  readonly seq: number
  /** The target was asked where each tag is. */
  readonly isDriftChecked: boolean
  /** The target has told who may read it. */
  readonly isPrivacyChecked: boolean
  /** Tags that were found to be other than we left them: told, or brought back. */
  readonly drifted: readonly { readonly tag: Tag; readonly reason: string; readonly isRepaired: boolean }[]
  readonly counts: {
    readonly failed: number
    readonly unchanged: number
    readonly diverged: number
    readonly waiting: number
  }
}

export interface ReportFacts {
  readonly replicationId: string
  readonly graph: LocalGraph
  readonly before: ReadonlyMap<string, ReplicationTagRow>
  readonly survey: Survey
  readonly decisions: ReadonlyMap<Tag, TargetDecision>
  readonly held: ReadonlyMap<Tag, Held>
  /** Of units whose attestations are gone at the target and are not brought back. */
  readonly lost: ReadonlyMap<Unit, ReadonlySet<Digest>>
  readonly sent: Sent | undefined
  /** Tags that the target lets nobody move, and under what they were sent instead. */
  readonly aliases: ReadonlyMap<Tag, { readonly alias: Tag; readonly problem: string | undefined }>
  readonly isPrivacyChecked: boolean
  readonly isDriftChecked: boolean
  readonly now: string
}

export function reportReplication(o: ReportFacts): ReplicationReport {
  const { graph, before, survey, sent } = o
  const rows: ReplicationTagRow[] = []
  const failures = new Map<string, RunFailure>()
  const items: ReplicationItem[] = []
  const drifted: { tag: Tag; reason: string; isRepaired: boolean }[] = []
  const counts = { unchanged: 0, diverged: 0, waiting: 0 }
  const failedOf = new Map<Tag, { code: string; message: string; digest: Digest }>()
  for (const { work, problem } of sent?.failed ?? []) for (const tag of work.tags) failedOf.set(tag, problem)
  const told = (problem: { readonly code: string; readonly message: string }) =>
    problem.code.startsWith('TARGET_') ? problem.message : inWordsOf(HERE, problem.message)
  const planned = new Map((sent?.plan.tags ?? []).map((one) => [one.tag, one]))
  const fail = (tag: string, digest: string | null, code: string, message: string) => {
    if (failures.has(tag)) return
    failures.set(tag, { tag, digest: digest as Digest | null, code, message })
    items.push({ ...NOTHING, action: 'failed', tag, digest, code, message })
  }

  function settle(tag: Tag, unit: Unit): void {
    const local = graph.tags.get(tag)
    const row = before.get(tag)
    if (local === undefined) return
    const base = rowOf(tag, local, row)
    const held = o.held.get(tag)
    if (held !== undefined) {
      rows.push({ ...base, state: held.state, reason: held.reason })
      if (held.state === 'waiting') counts.waiting++
      else fail(tag, local, 'DENIED', held.reason)
      return
    }
    const decision = o.decisions.get(tag)
    const plan = planned.get(tag)
    const result = sent?.tags.get(tag)
    const problem = failedOf.get(tag) ?? result?.problem ?? plan?.problem
    const content = unit.belongings.content
    if (result?.state === 'immutable') {
      const alias = o.aliases.get(tag)
      const reason = immutableReason(result.reason ?? 'the target lets nobody move it', alias)
      rows.push({ ...base, state: 'immutable', reason, content })
      if (alias === undefined || alias.problem !== undefined) fail(tag, local, 'DENIED', reason)
      return
    }
    if (problem !== undefined) {
      const reason = told(problem)
      rows.push({ ...base, state: 'failed', reason })
      fail(tag, problem.digest ?? local, problem.code, reason)
      return
    }
    const isUnselected = plan?.state === 'unselected' || plan?.state === 'retained'
    if (isUnselected) {
      rows.push({ ...base, state: 'unselected', reason: plan?.reason ?? null, content })
      return
    }
    const isTold = decision?.action === 'skip' || result?.state === 'diverged'
    if (isTold) {
      const reason =
        decision?.action === 'skip' ? decision.reason : (result?.reason ?? 'it was moved at the target just now')
      rows.push({ ...base, state: 'diverged', reason, content })
      counts.diverged++
      items.push({ ...NOTHING, action: 'diverged', tag, digest: local, message: reason })
      if (row?.state !== 'diverged') drifted.push({ tag, reason, isRepaired: false })
      return
    }
    const lost = o.lost.get(unit)
    if (lost !== undefined) {
      const reason = `${lost.size} ${lost.size === 1 ? 'attestation is' : 'attestations are'} gone at the target`
      rows.push({ ...base, state: 'diverged', reason, content: null })
      counts.diverged++
      items.push({ ...NOTHING, action: 'diverged', tag, digest: local, message: reason })
      if (row?.state !== 'diverged') drifted.push({ tag, reason, isRepaired: false })
      return
    }
    if (decision === undefined && plan === undefined) {
      // Nobody had to ask: it is as it was left, or waits with its image.
      if (row !== undefined) counts.unchanged++
      return
    }
    if (decision?.action === 'move' && result?.state !== 'synced') {
      rows.push({ ...base, state: 'pending', reason: null })
      return
    }
    rows.push({ ...base, target_digest: local, synced_digest: local, state: 'synced', reason: null, content })
    if (decision?.action !== 'move') {
      counts.unchanged++
      return
    }
    const from = decision.expect ?? null
    const moved = { tag, from_digest: from, to_digest: local, digest: local, code: null, at: o.now }
    items.push({ ...moved, action: 'moved', message: '' })
    if (decision.isDrift) {
      items.push({ ...NOTHING, action: 'drifted', tag, digest: local, message: decision.reason })
      drifted.push({ tag, reason: decision.reason, isRepaired: true })
    }
  }

  function rowOf(tag: Tag, local: Digest, row: ReplicationTagRow | undefined): ReplicationTagRow {
    const decision = o.decisions.get(tag)
    const synced = decision?.action === 'move' && decision.isOurs ? decision.expect : row?.synced_digest
    return {
      replication_id: o.replicationId,
      tag,
      local_digest: local,
      target_digest: targetOf(decision, local) ?? row?.target_digest ?? null,
      synced_digest: synced ?? null,
      content: null,
      state: 'pending',
      reason: null,
      checked_at: o.now,
    }
  }

  const settled = new Set<Tag>()
  for (const unit of survey.units) {
    for (const tag of [...unit.tags, ...unit.belongings.tags]) {
      if (settled.has(tag)) continue
      settled.add(tag)
      settle(tag, unit)
    }
  }
  for (const [tag, reason] of survey.leftOut) {
    const row = before.get(tag)
    const local = graph.tags.get(tag) ?? null
    if (row?.state === 'unselected' && row.reason === reason && row.local_digest === local) continue
    const kept = { target_digest: row?.target_digest ?? null, synced_digest: row?.synced_digest ?? null }
    const words = kept.synced_digest === null ? reason : `${reason}; it stays at the target as it was`
    rows.push({
      ...{ replication_id: o.replicationId, tag, local_digest: local, ...kept, content: null },
      ...{ state: 'unselected', reason: words, checked_at: o.now },
    })
  }
  const forgotten = survey.gone.filter((row) => row.synced_digest === null).map(({ tag }) => tag)
  for (const row of survey.gone) {
    if (row.synced_digest === null || (row.state === 'absent' && row.local_digest === null)) continue
    const reason = 'the tag is gone here; it stays at the target'
    rows.push({ ...row, local_digest: null, content: null, state: 'absent', reason, checked_at: o.now })
  }
  for (const tag of survey.unlisted) fail(tag, null, 'MANIFEST_UNKNOWN', 'the repository has no such tag')
  for (const work of published(sent)) {
    const message = 'what was attached later is there too'
    items.push({ ...NOTHING, action: 'published', tag: work.tags[0] ?? null, digest: work.root.digest, message })
  }
  const total = survey.units.reduce((sum, unit) => sum + unit.tags.length, 0)
  const isAnyGood = rows.some(({ state }) => state === 'synced') || counts.unchanged > 0
  const [first] = failures.values()
  return {
    outcome: failures.size === 0 ? 'done' : isAnyGood ? 'partial' : 'failed',
    reason: first === undefined ? null : `${failures.size} of ${total} tags failed, ${first.tag}: ${first.message}`,
    failures: [...failures.values()].slice(0, MAX_FAILURES),
    items,
    planned: sent?.plan.totals ?? { tagsUnchanged: counts.unchanged },
    rows,
    forgotten,
    seq: graph.seq,
    isDriftChecked: o.isDriftChecked,
    isPrivacyChecked: o.isPrivacyChecked,
    drifted,
    counts: { ...counts, failed: failures.size },
  }
}

const NOTHING = { tag: null, from_digest: null, to_digest: null, digest: null, code: null, at: null } as const

function targetOf(decision: TargetDecision | undefined, local: Digest): Digest | undefined {
  if (decision?.action === 'move') return decision.expect
  return decision?.action === 'keep' ? local : undefined
}

/** Roots that nothing moved for: attestations that came later. */
function published(sent: Sent | undefined): RootWork[] {
  const failed = new Set(sent?.failed.map(({ work }) => work))
  return (sent?.plan.works ?? []).filter((work) => work.moves.length === 0 && !failed.has(work) && !work.problem)
}

function immutableReason(
  words: string,
  alias: { readonly alias: Tag; readonly problem: string | undefined } | undefined,
): string {
  if (alias === undefined) return words
  return alias.problem === undefined ? `${words}; it was sent as ${alias.alias}` : `${words}; ${alias.problem}`
}
