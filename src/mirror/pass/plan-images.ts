/** A plan by root digest: what people read, and what a plan is known by when it is executed later. Pure. */
import type { PlanImage, PlannedImage, PlanReference, PlanTag } from '../../api/plans.ts'
import { AppError } from '../../errors.ts'
import { saturate } from '../../lib/saturate.ts'
import { type Digest, digestOf } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TagMove } from '../../oci/repository.ts'
import { closureOf } from './closure.ts'
import type { Inventory } from './inventory.ts'
import type { Known } from './known.ts'
import type { RootWork, SyncPlan } from './sync-plan.ts'
import type { Unlink } from './unlisted.ts'
import type { Node } from './walked.ts'

const NAMED_DIFFERENCES = 5

/** One entry a root that has something to do or is held back; what several share is counted with the first. */
export function imagesOf(
  inventory: Inventory,
  known: Known,
  { works, untags, unlisted }: Pick<SyncPlan, 'works' | 'untags' | 'unlisted'>,
): PlanImage[] {
  const counted = new Set<Digest>()
  const upstream = new Map(
    inventory.tags.flatMap(({ tag, seen }) => ('descriptor' in seen ? [[tag, seen.descriptor.digest] as const] : [])),
  )
  const images = works.map((work): PlanImage => {
    const nodes = closureOf(inventory, work.roots).digests.flatMap((digest) => inventory.nodes.get(digest) ?? [])
    const moves = new Map(work.moves.map((move) => [move.tag, move.expect]))
    const isHeld = work.problem !== undefined
    const here = (tag: Tag) => known.tags.get(tag)?.local
    const action = isHeld ? 'hold' : moves.size > 0 ? 'fetch' : 'publish'
    return {
      digest: work.root.digest,
      fingerprint: fingerprintOf(work, nodes),
      tags: work.tags.map((tag) => {
        const to = upstream.get(tag) ?? work.root.digest
        const kind = moves.has(tag) ? 'move' : isHeld && here(tag) !== to ? 'hold' : 'keep'
        return { tag, action: kind, from: (moves.has(tag) ? moves.get(tag) : here(tag)) ?? null, to }
      }),
      action,
      reason: work.problem?.message ?? null,
      platforms: [...(inventory.nodes.get(work.root.digest)?.platforms ?? [])],
      ...(isHeld ? NOTHING : costOf(nodes, known, counted)),
    }
  })
  return [...images, ...untaggedOf(untags), ...unlisted.unlinks.map(unlinkedOf)]
}

/** By the digest that they leave. */
function untaggedOf(untags: readonly TagMove[]): PlanImage[] {
  const byDigest = new Map<Digest, Tag[]>()
  for (const { tag, expect } of untags) {
    if (expect !== undefined) byDigest.set(expect, [...(byDigest.get(expect) ?? []), tag])
  }
  return [...byDigest].map(([digest, tags]) => ({
    digest,
    fingerprint: digestOf(JSON.stringify(['untag', digest, [...tags].sort()])),
    tags: tags.map((tag) => ({ tag, action: 'untag', from: digest, to: null })),
    action: 'untag',
    reason: null,
    platforms: [],
    ...NOTHING,
  }))
}

function unlinkedOf({ digest, all, reason }: Unlink): PlanImage {
  const fingerprint = digestOf(JSON.stringify(['unlink', ...[...all].sort()]))
  return { digest, fingerprint, tags: [], action: 'unlink', reason, platforms: [], ...NOTHING }
}

const NOTHING = { manifests: 0, attestations: 0, blobs: 0, sizeBytes: 0, requests: 0 }

function costOf(nodes: readonly Node[], known: Known, counted: Set<Digest>): typeof NOTHING {
  const cost = { ...NOTHING }
  for (const node of nodes) {
    if (node.here !== 'no' || counted.has(node.descriptor.digest)) continue
    counted.add(node.descriptor.digest)
    cost[node.isAttached ? 'attestations' : 'manifests']++
    cost.sizeBytes += node.descriptor.size
    for (const { digest, size } of node.blobs) {
      if (known.blobs.has(digest) || counted.has(digest)) continue
      counted.add(digest)
      cost.blobs++
      cost.sizeBytes += size
    }
  }
  return {
    ...cost,
    sizeBytes: saturate(cost.sizeBytes),
    requests: cost.manifests + cost.attestations + cost.blobs,
  }
}

/** The same whatever of it is fetched already: what was staged by a pass that did not end is no other plan. */
function fingerprintOf(work: RootWork, nodes: readonly Node[]): Digest {
  const moves = work.moves.map(({ tag, to, expect }) => [tag, to?.digest ?? null, expect ?? null])
  const shown = nodes
    .filter((node) => node.here !== 'published' || (node.lacks ?? []).length > 0)
    .map((node) => node.descriptor.digest)
  return digestOf(JSON.stringify([work.root.digest, moves.sort(byFirst), shown.sort()]))
}

const byFirst = ([a]: readonly unknown[], [b]: readonly unknown[]) => (String(a) < String(b) ? -1 : 1)

/** What a plan is about, as it stands in the plan. */
export interface PlanSubject {
  readonly repository: string
  readonly source: { readonly upstream: string; readonly repository: string }
  /** The tags that it was asked for; null: all. */
  readonly tags: readonly string[] | null
}

export function planIdOf({ repository, source, tags }: PlanSubject, images: readonly PlanImage[]): Digest {
  const moved = images.filter(({ action }) => action !== 'hold').map(({ fingerprint }) => fingerprint)
  const asked = tags === null ? null : [...tags].sort()
  return digestOf(JSON.stringify([repository, source.upstream, source.repository, asked, moved.sort()]))
}

/** @throws AppError CONFLICT naming the first differences, when another plan would be executed than the one referred to */
export function refuseOtherPlan(
  wanted: PlanReference,
  found: { readonly id: string; readonly images: readonly PlanImage[] },
): void {
  if (wanted.id === found.id) {
    if (wanted.images === undefined || saysTheSame(wanted.images, found.images)) return
    throw new AppError(
      'CONFLICT',
      'the plan was changed: its images are not those that its id stands for; nothing was done',
      { about: { reason: 'changed-meanwhile', what: 'plan' } },
    )
  }
  const differences = wanted.images === undefined ? [] : differencesOf(wanted.images, found.images)
  const named = differences.slice(0, NAMED_DIFFERENCES)
  const more = differences.length > named.length ? [`and ${differences.length - named.length} more`] : []
  const why = named.length === 0 ? ['it is of another mirror, of other tags, or its images were not given'] : named
  throw new AppError('CONFLICT', `the plan does not hold any more: ${[...why, ...more].join('; ')}; nothing was done`, {
    about: { reason: 'changed-meanwhile', what: 'plan' },
  })
}

/** Whether the images of a plan are those of its id: each move, and what becomes visible. What is held back is not of the id. */
function saysTheSame(planned: readonly PlannedImage[], present: readonly PlanImage[]): boolean {
  const essence = (images: readonly PlannedImage[]) =>
    images
      .filter(({ fingerprint }) => works.has(fingerprint))
      .map(({ digest, fingerprint, tags }) => [
        fingerprint,
        digest,
        ...tags
          .flatMap(({ tag, action, to, from }) => (action === 'move' || action === 'untag' ? [[tag, to, from]] : []))
          .sort(byFirst),
      ])
      .sort(byFirst)
  const works = new Set(present.flatMap(({ action, fingerprint }) => (action === 'hold' ? [] : [fingerprint])))
  const isMoving = ({ fingerprint, tags }: PlannedImage) =>
    !works.has(fingerprint) && tags.some(({ action }) => action === 'move' || action === 'untag')
  return !planned.some(isMoving) && JSON.stringify(essence(planned)) === JSON.stringify(essence(present))
}

/** What would be done otherwise than it was planned, by tag where tags tell it, else by image. */
export function differencesOf(planned: readonly PlannedImage[], present: readonly PlanImage[]): string[] {
  const [before, now] = [movesOf(planned), movesOf(present)]
  const differences: string[] = []
  for (const [tag, { to, from }] of before) {
    const found = now.get(tag)
    if (found === undefined) differences.push(`${tag} was to ${whither(to)}, and would not now`)
    else if (found.to !== to) {
      differences.push(`${tag} is ${found.to ?? 'gone'} at upstream now, ${to ?? 'gone'} in the plan`)
    } else if (found.from !== from) {
      differences.push(`${tag} points at ${found.from ?? 'nothing'} here now, ${from ?? 'nothing'} in the plan`)
    }
  }
  for (const [tag, { to }] of now)
    if (!before.has(tag)) differences.push(`${tag} would ${whither(to)}, not in the plan`)
  if (differences.length > 0) return differences
  const fingerprints = new Map(planned.map(({ digest, fingerprint }) => [digest, fingerprint]))
  const changed = present.filter((one) => one.action !== 'hold' && fingerprints.get(one.digest) !== one.fingerprint)
  const digests = new Set(present.filter((one) => one.action !== 'hold').map(({ digest }) => digest))
  return [
    ...changed.map(({ digest }) => `${digest} has other attestations or parts to bring than in the plan`),
    ...planned.flatMap(({ digest, tags }) =>
      digests.has(digest) || tags.some(({ action }) => action === 'hold')
        ? []
        : [`nothing is to be done for ${digest} now`],
    ),
  ]
}

const whither = (to: string | null) => (to === null ? 'be untagged' : `move to ${to}`)

function movesOf(images: readonly PlannedImage[]): Map<string, PlanTag> {
  const tags = images.flatMap((image) => image.tags.filter(({ action }) => action === 'move' || action === 'untag'))
  return new Map(tags.map((one) => [one.tag, one]))
}
