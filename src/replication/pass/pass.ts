/** One pass of one replication: what is here, where the target has it, what is to be sent, and sending it. */
import type { RunCounts } from '../../api/runs.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { ReplicationRecord } from '../../db/replication/replications.ts'
import { replicationRuns } from '../../db/replication/runs.ts'
import { listReplicationTags, recordReplicationTags } from '../../db/replication/tags.ts'
import type { ReplicationTagRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { assertFence, type Fence } from '../../jobs/fence.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { createLimiter } from '../../lib/concurrency.ts'
import { NOTHING_HELD } from '../../lib/held.ts'
import type { KeyedTurns } from '../../lib/held-turns.ts'
import type { Begin } from '../../mirror/pass/current.ts'
import { NOTHING_KNOWN } from '../../mirror/pass/known.ts'
import { createLearner } from '../../mirror/pass/learn.ts'
import type { RunMeter } from '../../mirror/pass/meter.ts'
import { DEFAULT_POLICY } from '../../mirror/pass/policy.ts'
import type { SyncPlan } from '../../mirror/pass/sync-plan.ts'
import { type Digest, encodedOf } from '../../oci/digest.ts'
import { findTag, type Tag } from '../../oci/reference.ts'
import type { RepositoryReader } from '../../oci/repository.ts'
import type { TargetRepository } from '../../oci/target-repository.ts'
import type { FullSettings } from '../life/settings.ts'
import { blobsOf, graphReader, loadGraph } from './graph.ts'
import { guardOpen } from './guard-open.ts'
import { dryLedger, type RepositoryLedger } from './ledgers.ts'
import { decideTags, findLostReferrers, type LookOptions, withBelongings } from './look.ts'
import { type ReplicationReport, reportReplication } from './report.ts'
import { planSend, type Sent, send } from './send.ts'
import { withSharedUploads } from './shared-uploads.ts'
import { takeSurvey, type Unit } from './survey.ts'
import { findHeld } from './waiting.ts'

export interface PassOptions {
  readonly db: Database
  readonly clock: Clock
  readonly replication: ReplicationRecord
  readonly settings: FullSettings
  readonly target: TargetRepository
  readonly ledger: RepositoryLedger
  readonly reader: RepositoryReader
  readonly turns: KeyedTurns
  readonly transfers: number
  /** Nothing of what is known of the target is believed. */
  readonly isFull: boolean
  /** Each tag is asked for, whether anything has changed here or not. */
  readonly isAsking: boolean
  /** So are the attestations at the target. */
  readonly isDriftDue: boolean
  /** Whether everybody may read the target is found out though there is nothing to send. */
  readonly isProbing: boolean
  readonly only: ReadonlySet<Tag> | undefined
  readonly signal: AbortSignal
  readonly begin: Begin
}

/** What is to be done, before anything is. @throws TARGET_* when the target cannot be asked, TARGET_PUBLIC */
export async function preparePass(o: PassOptions & { onTags?(total: number): void }) {
  const { db, replication, settings, only, signal, ledger } = o
  const graph = await loadGraph(db.read, replication.repository_id)
  const before = new Map((await listReplicationTags(db.read, replication.id)).map((row) => [row.tag, row]))
  const { selection } = settings
  const reader = graphReader(graph, o.reader, { isTyped: selection?.referrers !== undefined })
  const learner = createLearner({
    ...{ readers: { image: reader }, known: NOTHING_KNOWN, limiter: createLimiter(o.transfers), isFull: false },
    held: NOTHING_HELD,
    ...{ now: o.clock.now(), policy: DEFAULT_POLICY, nextPassMs: 0, selection, signal },
  })
  const survey = await takeSurvey({
    ...{ graph, rows: before, selection, only, isWhole: o.isFull },
    async refuseOld(digest) {
      const descriptor = graph.manifests.get(digest)?.descriptor
      return descriptor && learner.refuseOld(descriptor, 'image')
    },
  })
  o.onTags?.(survey.units.reduce((sum, unit) => sum + unit.tags.length, 0))
  const changed = new Set(survey.changed)
  const asked = o.isAsking || o.isFull || only !== undefined ? survey.units : survey.changed
  const held = await findHeld(db.read, {
    ...{ after: settings.after, organizationId: replication.organization_id },
    ...{ repositoryId: replication.repository_id, rows: before },
    tags: asked.flatMap((unit) => unit.tags.map((tag) => ({ tag, digest: unit.digest }))),
  })
  const sendable = asked.flatMap((unit): Unit[] => {
    const tags = unit.tags.filter((tag) => !held.has(tag))
    if (tags.length === 0) return []
    if (tags.length === unit.tags.length) return [unit]
    const some = { ...unit, tags }
    if (changed.has(unit)) changed.add(some)
    return [some]
  })
  const look: LookOptions = {
    ...{ target: o.target, graph, rows: before, drift: settings.drift },
    ...{ concurrency: o.transfers, signal, begin: o.begin },
  }
  const decisions = await decideTags(sendable, { ...look, isAll: asked === survey.units })
  const isStill = (unit: Unit) =>
    [...unit.tags, ...unit.belongings.tags].every((tag) => {
      const decision = decisions.get(tag)
      return decision?.action === 'keep' && !decision.isAdopted
    })
  const lost = o.isDriftDue
    ? await findLostReferrers(
        sendable.filter((unit) => !changed.has(unit) && isStill(unit)),
        look,
      )
    : new Map<Unit, Set<Digest>>()
  const work = sendable.filter(
    (unit) =>
      changed.has(unit) ||
      (settings.drift === 'repair' && lost.has(unit)) ||
      [...unit.tags, ...unit.belongings.tags].some((tag) => {
        const decision = decisions.get(tag)
        return (
          decision !== undefined && (decision.action === 'move' || (decision.action === 'keep' && decision.isAdopted))
        )
      }),
  )
  const roots = work.flatMap(({ digest }) => digest)
  const manifests = withBelongings(graph, roots)
  await ledger.load([...manifests, ...blobsOf(graph, manifests)])
  if (o.isFull) ledger.forgetAll([...manifests, ...blobsOf(graph, manifests)])
  if (settings.drift === 'repair') for (const digests of lost.values()) ledger.forgetAll(withBelongings(graph, digests))
  const tags = new Set(work.flatMap((unit) => unit.tags))
  const options = {
    ...{ graph, reader, ledger, selection, decisions, only: tags, transfers: o.transfers },
    ...{ now: o.clock.now(), signal, begin: o.begin },
  }
  return { graph, before, survey, held, decisions, lost: settings.drift === 'repair' ? new Map() : lost, options }
}

type Prepared = Awaited<ReturnType<typeof preparePass>>

/** What a run would do. */
export async function planPass(o: PassOptions) {
  const prepared = await preparePass({ ...o, ledger: dryLedger(o.ledger) })
  return { ...prepared, ...(await planSend(prepared.options)) }
}

/** @throws whatever ended the pass as a whole; `counts` then tells how far it got */
export async function runPass(
  o: PassOptions & {
    readonly runId: string
    readonly fence: Fence
    readonly meter: RunMeter
    readonly counts: { -readonly [K in keyof RunCounts]: RunCounts[K] }
    changed(): void
  },
): Promise<ReplicationReport> {
  const { db, replication, target, meter, counts, signal, ledger } = o
  const now = () => isoTime(o.clock.now())
  try {
    const prepared = await preparePass({
      ...o,
      onTags(total) {
        meter.tagsTotal = total
        o.changed()
      },
    })
    const { graph, before, survey, held, decisions, options } = prepared
    let sent: Sent | undefined
    const isPrivacyChecked = options.only.size > 0 || o.isProbing
    const aliases = new Map<Tag, { alias: Tag; problem: string | undefined }>()
    if (isPrivacyChecked) {
      await target.prepare({ signal })
      await refuseOpen(target, replication, signal)
    }
    if (options.only.size > 0) {
      const guard = guardOpen(target.writer, {
        clock: o.clock,
        refuseOpen: () => refuseOpen(target, replication, signal),
      })
      await noteBlobs(prepared, o)
      const writer = withSharedUploads(guard.writer, {
        ...{ turns: o.turns, targetId: replication.target_id, memory: ledger.memory },
      })
      sent = await send({
        ...{ ...options, writer, counts, meter },
        changed: () => o.changed(),
        onPlan: (plan) => writeDownPlan(plan, prepared),
      })
      const opened = guard.reason()
      if (opened !== undefined) throw opened
      for (const [tag, { state }] of sent.tags) {
        if (state === 'immutable' && o.settings.digestAlias) {
          aliases.set(tag, await sendAlias(sent, tag, graph.tags.get(tag)))
        }
      }
    }
    const report = reportReplication({
      ...{ replicationId: replication.id, graph, before, survey, decisions, held, lost: prepared.lost, sent, aliases },
      ...{ isDriftChecked: o.isDriftDue && o.only === undefined, isPrivacyChecked, now: now() },
    })
    counts.tagsUnchanged = report.counts.unchanged
    counts.failed = report.counts.failed
    counts.tagsDiverged = report.counts.diverged
    counts.tagsHeld = report.counts.waiting
    meter.tagsDone = Math.min(counts.tagsMoved + counts.tagsUnchanged, meter.tagsTotal ?? 0)
    meter.leftOut = report.counts.diverged
    return report
  } finally {
    const { requests, sentBytes, mountsTried, mountsDone } = target.usage()
    Object.assign(counts, { requests, sentBytes, mountsTried, mounts: mountsDone })
  }

  /** Before a tag is moved: should this process die between the move and its record, the next pass knows that it was us. */
  async function writeDownPlan(plan: SyncPlan, { before, decisions }: Pick<Prepared, 'before' | 'decisions'>) {
    const rows = plan.works.flatMap(({ moves }) =>
      moves.flatMap(({ tag, to, expect }): ReplicationTagRow[] => {
        const decision = decisions.get(tag)
        if (to === undefined) return []
        const synced = decision?.isOurs === true ? expect : before.get(tag)?.synced_digest
        return [
          {
            ...{ replication_id: replication.id, tag, local_digest: to.digest, target_digest: expect ?? null },
            ...{ synced_digest: synced ?? null, content: null, state: 'pending', reason: null, checked_at: now() },
          },
        ]
      }),
    )
    await db.write(async (tx) => {
      await assertFence(tx, o.fence)
      await replicationRuns.setRunPlan(tx, o.runId, JSON.stringify(plan.totals))
      await recordReplicationTags(tx, rows)
    })
  }

  async function sendAlias(
    { plan }: Sent,
    tag: Tag,
    digest: Digest | undefined,
  ): Promise<{ alias: Tag; problem: string | undefined }> {
    const alias = findTag(`${tag}-${encodedOf(digest ?? ('sha256:' as Digest)).slice(0, 12)}`)
    const root = plan.works.find((work) => work.root.digest === digest)?.root
    if (alias === undefined || root === undefined)
      return { alias: tag, problem: 'no other name for it is short enough' }
    try {
      const there = await target.head({ tag: alias }, { signal })
      if (there === root.digest) return { alias, problem: undefined }
      const move = { tag: alias, to: root, expect: there }
      const read = async () =>
        (await o.reader.readManifest({ digest: root.digest }, { signal }))?.bytes ?? new Uint8Array()
      const [outcome] = await target.writer.publish({ roots: [root], tags: [move] }, read, { signal })
      const isDone = outcome?.result === 'moved' || outcome?.result === 'unchanged'
      return { alias, problem: isDone ? undefined : `and neither as ${alias}: ${outcome?.reason ?? outcome?.result}` }
    } catch (error) {
      if (!isAppError(error) || signal.aborted) throw error
      return { alias, problem: `and not as ${alias}: ${error.message}` }
    }
  }
}

/** What a registry tells of many blobs at once is not asked one by one; where it tells nothing, as its keys lack that right, they are. */
async function noteBlobs({ graph, options }: Prepared, { target, signal }: PassOptions): Promise<void> {
  if (target.noteBlobs === undefined) return
  const roots = [...options.only].flatMap((tag) => graph.tags.get(tag) ?? [])
  try {
    await target.noteBlobs([...blobsOf(graph, withBelongings(graph, roots))], { signal })
  } catch (error) {
    if (!isAppError(error, 'TARGET_DENIED')) throw error
  }
}

/** @throws AppError TARGET_PUBLIC: nothing is sent to where everybody may read it, or where nobody can tell */
export async function refuseOpen(
  target: TargetRepository,
  { target: name, target_repository: repository }: Pick<ReplicationRecord, 'target' | 'target_repository'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await target.findVisibility(signal === undefined ? {} : { signal })
  if (found === 'private') return
  const why = found === 'public' ? 'is public' : 'may be public: the registry does not tell, and refuses nobody'
  throw new AppError('TARGET_PUBLIC', `${name}/${repository} ${why}; nothing is sent there`)
}
