/** From what upstream has and what is here to what is to be done: pure, the same for a run and for `--dry-run`. */
import type { PlanItem } from '../../api/plans.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TagMove } from '../../oci/repository.ts'
import { closureOf, indexAttached } from './closure.ts'
import { fingerprintOf, type Hold, type HoldVerdict, holdVerdict } from './hold.ts'
import type { Inventory, SeenTag } from './inventory.ts'
import type { Known, Origin } from './known.ts'
import { DEFAULT_POLICY, type Policy } from './policy.ts'
import type { PlannedTag, RootWork, SyncPlan, UnmetTag } from './sync-plan.ts'
import { findUnlisted } from './unlisted.ts'
import { findVanished } from './vanished.ts'
import type { Node } from './walked.ts'

/** What a plan goes by besides what upstream has and what is here. */
export interface PlanConditions {
  readonly policy: Policy
  readonly now: Date
}

/**
 * Work is keyed by digest: one unit per root, with all its alias tags, its closure, its referrers and its digest tags.
 * What upstream lost stays, or goes where people want that: tags, and referrers that no list names any more.
 */
export function planSync(
  inventory: Inventory,
  known: Known,
  { policy, now }: PlanConditions = { policy: DEFAULT_POLICY, now: new Date() },
): SyncPlan {
  const items: PlanItem[] = []
  const works: RootWork[] = []
  const tags: PlannedTag[] = []
  const totals = {
    tagsMoved: 0,
    tagsUnchanged: 0,
    tagsSkipped: 0,
    tagsFailed: 0,
    tagsHeld: 0,
    tagsUnselected: 0,
    tagsRetained: 0,
    tagsUntagged: 0,
  }
  const content = {
    manifests: 0,
    referrers: 0,
    blobs: 0,
    sizeBytes: 0,
    platformsLeftOut: 0,
    referrersLeftOut: 0,
    referrersUnlinked: 0,
  }
  const fromReferrers = { manifests: 0, blobs: 0 }
  const counted = new Set<Digest>()
  const countedBlobs = new Set<Digest>()
  const planned = new Set<Tag>()
  const excluded: Tag[] = []
  const holds = new Map<Digest, Hold>()
  let holdUntil: Date | undefined

  /** How long a new digest waits; undefined: it is not new, or nothing is to wait. */
  function waitOf(root: Descriptor, aliases: readonly SeenTag[], digests: readonly Digest[]): HoldVerdict | undefined {
    const { digest } = root
    // What the first pass finds, nobody knows to be new.
    if (policy.settleMs === 0 || known.listedTags === undefined) return undefined
    if (known.manifests.get(digest)?.isPublished === true) return undefined
    const before = known.holds.get(digest)
    const states = aliases.flatMap(({ tag }) => known.tags.get(tag) ?? [])
    if (before === undefined && states.some(({ upstream }) => upstream === digest)) return undefined
    const waiting = states.flatMap(({ state, upstream }) =>
      state === 'held' && upstream !== undefined ? (known.holds.get(upstream)?.heldSince ?? []) : [],
    )
    const fingerprint = fingerprintOf(digests)
    const { settleMs } = policy
    return holdVerdict({ before, fingerprint, settleMs, now, waitingSince: waiting.sort()[0] })
  }

  function copy(node: Node, reason: string): void {
    const { digest } = node.descriptor
    if (node.here !== 'no' || counted.has(digest)) return
    counted.add(digest)
    const blobs = node.blobs.filter((blob) => !known.blobs.has(blob.digest) && !countedBlobs.has(blob.digest))
    const distinct = new Map(blobs.map((blob) => [blob.digest, blob.size]))
    for (const blob of distinct.keys()) countedBlobs.add(blob)
    const sizeBytes = [...distinct.values()].reduce((sum, size) => sum + size, node.descriptor.size)
    items.push({ action: 'copy', tag: null, digest, sizeBytes, origin: node.origin, reason })
    if (node.isAttached) content.referrers++
    else content.manifests++
    content.blobs += distinct.size
    if (node.origin === 'referrers') {
      fromReferrers.manifests++
      fromReferrers.blobs += distinct.size
    }
    content.sizeBytes += sizeBytes
  }

  function tagItem(
    action: string,
    tag: Tag,
    digest: Digest | undefined,
    origin: Origin,
    reason: string,
    referrersAskedAt?: string,
  ): void {
    const asked = referrersAskedAt === undefined ? {} : { referrersAskedAt }
    items.push({ action, tag, digest: digest ?? null, sizeBytes: 0, origin, reason, ...asked })
  }

  function planRoot(root: Descriptor, aliases: readonly SeenTag[], attached: readonly SeenTag[]): void {
    const { digests, problem } = closureOf(inventory, [root, ...attached.flatMap(descriptorOf)])
    const nodes = digests.flatMap((digest) => inventory.nodes.get(digest) ?? [])
    const moves: TagMove[] = []
    const first = aliases[0] ?? attached[0]
    const wait = aliases.length === 0 ? undefined : waitOf(root, aliases, digests)
    if (wait !== undefined) holds.set(root.digest, wait.hold)
    const isHeld = problem === undefined && wait?.until !== undefined
    if (isHeld && (holdUntil === undefined || wait.until < holdUntil)) holdUntil = wait.until
    for (const node of problem === undefined && !isHeld ? nodes : []) copy(node, reasonOf(node, root, first))
    for (const one of [...aliases, ...attached]) {
      if (!('decision' in one.seen) || one.seen.decision.action === 'skip') continue
      const { decision, descriptor } = one.seen
      const { digest } = descriptor
      // A digest tag whose subject is shared by several roots is planned once and moved by whichever is published first.
      const isDone = planned.has(one.tag)
      planned.add(one.tag)
      if (problem !== undefined) {
        const isThere = decision.action !== 'move'
        if (!isDone) {
          totals[problem.isOfReferrers ? 'tagsHeld' : 'tagsFailed']++
          tagItem('skip', one.tag, digest, one.origin, `held back: ${problem.message}`)
          const state = isThere ? 'synced' : problem.isOfReferrers ? 'held' : 'failed'
          tags.push({ tag: one.tag, digest, state, reason: problem.message, problem })
        }
        continue
      }
      if (isHeld && decision.action === 'move') {
        if (isDone) continue
        totals.tagsHeld++
        const reason = `held until ${wait.until.toISOString()}, since its attestations may still arrive`
        tagItem('hold', one.tag, digest, one.origin, reason)
        tags.push({ tag: one.tag, digest, state: 'held', reason, problem: undefined })
        continue
      }
      if (decision.action === 'move') moves.push({ tag: one.tag, to: descriptor, expect: decision.expect })
      else if (decision.isAdopted) moves.push({ tag: one.tag, to: descriptor, expect: digest })
      if (isDone) continue
      totals[decision.action === 'move' ? 'tagsMoved' : 'tagsUnchanged']++
      const askedAt = decision.action === 'keep' ? lastAsked(digests, inventory.spared) : undefined
      const asked = askedAt === undefined ? '' : `; referrers last asked for at ${askedAt}`
      tagItem(decision.action, one.tag, digest, one.origin, decision.reason + asked, askedAt)
      const state = decision.action === 'move' ? 'pending' : 'synced'
      tags.push({ tag: one.tag, digest, state, reason: undefined, problem: undefined })
    }
    if (isHeld) return
    const unpublished = nodes.filter((node) => node.here !== 'published' || isLacking(node))
    if (problem === undefined && moves.length === 0 && unpublished.length === 0) return
    if (problem === undefined && moves.length === 0) {
      const late = unpublished.filter((node) => node.here !== 'published')
      const isPart = late.some((node) => !node.isAttached)
      const attachedOrLacking =
        late.length > 0 ? 'manifests that were attached later' : 'manifests with layers that upstream may have now'
      const what = isPart ? 'manifests of platforms that were not here' : attachedOrLacking
      const reason = `${unpublished.length} ${what}`
      items.push({ action: 'publish', tag: null, digest: root.digest, sizeBytes: 0, origin: 'image', reason })
    }
    works.push({
      root,
      tags: [...aliases, ...attached].map((one) => one.tag),
      moves,
      roots: distinctDescriptors([
        root,
        ...attached.flatMap(descriptorOf),
        ...unpublished.filter((node) => node.isAttached).map((node) => node.descriptor),
      ]),
      stage: nodes.filter((node) => node.here === 'no' || isLacking(node)).map((node) => node.descriptor.digest),
      problem,
    })
  }

  /** Outside the selection: what is here stays as it is. */
  function leaveOut(tag: Tag, digest: Digest | undefined, origin: Origin, reason: string): void {
    const { local, synced } = known.tags.get(tag) ?? {}
    const isKept = local !== undefined && local === synced
    totals[isKept ? 'tagsRetained' : 'tagsUnselected']++
    tagItem(isKept ? 'retain' : 'skip', tag, digest ?? local, origin, isKept ? `${reason}; it stays as it is` : reason)
    tags.push({ tag, digest, state: isKept ? 'retained' : 'unselected', reason, problem: undefined })
  }

  for (const one of inventory.tags) {
    if ('problem' in one.seen) {
      const { problem, digest } = one.seen
      totals.tagsFailed++
      tagItem('skip', one.tag, digest, one.origin, problem.message)
      tags.push({
        tag: one.tag,
        digest,
        state: 'failed',
        reason: problem.message,
        problem: { ...problem, digest },
      })
    } else if ('excluded' in one.seen) {
      totals.tagsSkipped++
      tagItem('skip', one.tag, undefined, one.origin, `excluded: ${one.seen.excluded}`)
      excluded.push(one.tag)
    } else if ('unselected' in one.seen) {
      leaveOut(one.tag, one.seen.digest, one.origin, one.seen.unselected)
    } else if (one.seen.decision.action === 'skip') {
      const { decision, descriptor } = one.seen
      totals.tagsSkipped++
      tagItem('skip', one.tag, descriptor.digest, one.origin, decision.reason)
      const { state, reason } = decision
      tags.push({ tag: one.tag, digest: descriptor.digest, state, reason, problem: undefined })
    }
  }
  const { images, attachedTo, orphans } = indexAttached(inventory)
  for (const [digest, aliases] of images) {
    const [root] = aliases.flatMap(descriptorOf)
    if (root !== undefined) planRoot(root, aliases, attachedTo.get(digest) ?? [])
  }
  for (const one of orphans) {
    const [root] = descriptorOf(one)
    if (root !== undefined) planRoot(root, [], [one])
  }
  const vanished = findVanished(inventory, known, policy, now)
  const untags: TagMove[] = []
  for (const { tag, local, absentSince, isAccepted, isUntagged, reason } of vanished.tags) {
    totals[isUntagged ? 'tagsUntagged' : 'tagsRetained']++
    tagItem(isUntagged ? 'untag' : 'retain', tag, local, 'image', reason)
    if (isUntagged) untags.push({ tag, to: undefined, expect: local })
    const absence = { absentSince, isAbsenceAccepted: isAccepted }
    tags.push({ tag, digest: undefined, state: 'absent', reason, problem: undefined, ...absence })
  }
  const unlisted = findUnlisted(inventory, known, policy, now)
  for (const { digest, all, reason } of unlisted.unlinks) {
    content.referrersUnlinked += all.length
    items.push({ action: 'unlink', tag: null, digest, sizeBytes: 0, origin: 'image', reason })
  }
  for (const [digest, { parent, kind, rule }] of inventory.unchosen) {
    // What another image brings in is here all the same.
    if (inventory.nodes.has(digest)) continue
    content[kind === 'platform' ? 'platformsLeftOut' : 'referrersLeftOut']++
    const reason = `${kind === 'platform' ? 'part of' : 'attached to'} ${parent}: ${rule}`
    items.push({ action: 'skip', tag: null, digest, sizeBytes: null, origin: 'image', reason })
  }
  const unmet = unmetOf(inventory)
  for (const { tag, reason } of unmet.filter(({ why }) => why === 'unlisted')) {
    totals.tagsFailed++
    tagItem('skip', tag, undefined, 'image', reason)
  }
  const refusal = vanished.refusal ?? unlisted.refusal
  const { forgotten } = vanished
  const ends = { unmet, untags, unlisted, refusal, holds, holdUntil }
  return { items, totals: { ...totals, ...content }, fromReferrers, works, tags, excluded, forgotten, ...ends }
}

/** What was asked for by name is owed an answer: tags that people keep for themselves, and those that upstream does not list. */
function unmetOf({ only, tags: seen }: Inventory): UnmetTag[] {
  const listed = new Map(seen.map((one) => [one.tag, one.seen]))
  return [...(only ?? [])].flatMap((tag): UnmetTag[] => {
    const found = listed.get(tag)
    if (found === undefined) return [{ tag, why: 'unlisted', reason: 'upstream lists no such tag' }]
    if ('excluded' in found) return [{ tag, why: 'excluded', reason: found.excluded }]
    if ('unselected' in found) return [{ tag, why: 'unselected', reason: found.unselected }]
    if ('problem' in found || found.decision.action !== 'skip') return []
    return [{ tag, why: found.decision.state, reason: found.decision.reason }]
  })
}

/** When the referrers of any of these were last asked for that this pass does not ask for; the longest ago. */
function lastAsked(digests: readonly Digest[], spared: Inventory['spared']): string | undefined {
  return digests.flatMap((digest) => spared.get(digest) ?? []).sort()[0]
}

function descriptorOf(one: SeenTag): Descriptor[] {
  return 'descriptor' in one.seen ? [one.seen.descriptor] : []
}

function reasonOf(node: Node, root: Descriptor, first: SeenTag | undefined): string {
  if (node.isAttached) return `attached to ${first?.tag ?? root.digest}`
  return node.descriptor.digest === root.digest ? `not here, tagged ${first?.tag ?? ''}` : `part of ${first?.tag ?? ''}`
}

function isLacking(node: Node): boolean {
  return (node.lacks ?? []).length > 0
}

function distinctDescriptors(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((one) => [one.digest, one])).values()]
}
