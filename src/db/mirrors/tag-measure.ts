/**
 * What is below manifests of a repository, within bounds: an index of 4 MiB may list 30,000 others, and those as many again. Many at once: a
 * page has up to a thousand tags, and a query for each would be most of what it costs.
 */
import { saturate } from '../../lib/saturate.ts'
import { createTurns } from '../../lib/turns.ts'
import { cutPlatform, type Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { MediaType } from '../../oci/media-types.ts'
import { CHUNK_ROWS } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'
import { measureAttached, REFERRER_BYTES } from './tag-attached.ts'
import type { TagMeasure } from './tag-measured.ts'
import { type Part, readParts, type WithParts } from './tag-parts.ts'

/** Descriptors that are looked at: the largest images that people make have some hundreds. */
const MAX_PARTS = 2000
const MAX_PLATFORMS = 50
const PART_BYTES = 200
/** Real configs have some kilobytes; `registry/platforms.ts` reads none that is larger. */
export const MAX_CONFIG_BYTES = 1024 * 1024

/** One that is being measured: breadth first, as far as what is below it was read. */
interface Walk {
  readonly digest: Digest
  readonly sizes: Map<Digest, number>
  /** Those that are here. */
  readonly manifests: Set<Digest>
  /** What BuildKit lists beside the platforms: attestations, not images. */
  readonly beside: Set<Digest>
  readonly queue: Digest[]
  readonly queued: Set<Digest>
  at: number
  left: number
  isPartial: boolean
}

/**
 * Measures published manifests. Only manifests that are published in this repository are looked into, and of all others the
 * descriptor's own words count: whether another organization has them changes nothing (invariant 7).
 * @param budget what it may cost, as `workBytes` counts it
 * @returns the first of `digests`, in their order: at least one, and all where the budget is enough
 */
export async function measureTags(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
  budget: number,
): Promise<TagMeasure[]> {
  const known = new Map<Digest, WithParts | undefined>()
  const turns = createTurns()
  let walks: readonly Walk[] = digests.map(newWalk)
  for (;;) {
    for (const walk of walks) goOn(walk, known)
    walks = affordable(walks, budget)
    const wanted = missingOf(walks, known)
    if (wanted.length === 0) break
    const turn = turns()
    if (turn !== undefined) await turn
    await readParts(db, repositoryId, { wanted, roots: new Set(digests), maxParts: MAX_PARTS, known })
  }
  const done = walks.map((walk) => measureOf(walk, known))
  return withAttached(db, repositoryId, { walks, done, budget })
}

function newWalk(digest: Digest): Walk {
  const of = { digest, sizes: new Map<Digest, number>(), manifests: new Set<Digest>(), beside: new Set<Digest>() }
  return { ...of, queue: [digest], queued: new Set([digest]), at: 0, left: MAX_PARTS, isPartial: false }
}

function isDone(walk: Walk): boolean {
  return walk.isPartial || walk.at >= walk.queue.length
}

/** As far as all is known. */
function goOn(walk: Walk, known: ReadonlyMap<Digest, WithParts | undefined>): void {
  for (; !isDone(walk); walk.at++) {
    const parent = walk.queue[walk.at] as Digest
    if (!known.has(parent)) return
    const found = known.get(parent)
    if (found === undefined) continue
    walk.manifests.add(parent)
    if (parent === walk.digest) walk.sizes.set(parent, found.sizeBytes)
    if (found.parts.length > walk.left) walk.isPartial = true
    const counted = found.parts.slice(0, walk.left)
    walk.left -= counted.length
    for (const part of counted) {
      walk.sizes.set(part.digest, Math.max(part.sizeBytes, walk.sizes.get(part.digest) ?? 0))
      if (part.kind !== 'child') continue
      if (part.platform?.os === 'unknown') walk.beside.add(part.digest)
      if (walk.queued.has(part.digest)) continue
      walk.queued.add(part.digest)
      walk.queue.push(part.digest)
    }
  }
}

/** What the first ones need next, as many as one query takes. */
function missingOf(walks: readonly Walk[], known: ReadonlyMap<Digest, WithParts | undefined>): readonly Digest[] {
  const missing = new Set<Digest>()
  for (const walk of walks) {
    for (let i = isDone(walk) ? walk.queue.length : walk.at; i < walk.queue.length; i++) {
      const digest = walk.queue[i] as Digest
      if (!known.has(digest)) missing.add(digest)
      if (missing.size === CHUNK_ROWS) return [...missing]
    }
  }
  return [...missing]
}

/** The first ones, by what they have cost so far; the first of all is brought to its end whatever it costs, which has a limit. */
function affordable(walks: readonly Walk[], budget: number): readonly Walk[] {
  let spent = 0
  const end = walks.findIndex((walk) => {
    spent += costOf(walk)
    return spent > budget
  })
  return end === -1 ? walks : walks.slice(0, Math.max(1, end))
}

function costOf(walk: Walk): number {
  return PART_BYTES * (1 + MAX_PARTS - walk.left)
}

type Unattached = Omit<TagMeasure, 'referrers' | 'attested'>

function measureOf(walk: Walk, known: ReadonlyMap<Digest, WithParts | undefined>): Unattached {
  const root = known.get(walk.digest)
  const own = root?.parts.slice(0, MAX_PARTS) ?? []
  const platforms = own.flatMap(platformsOf)
  const config = own.find(isImageConfig)
  return {
    digest: walk.digest,
    mediaType: root?.mediaType ?? '',
    sizeBytes: saturate([...walk.sizes.values()].reduce((sum, bytes) => sum + bytes, 0)),
    platforms: platforms.slice(0, MAX_PLATFORMS).map(cutPlatform),
    platformCount: platforms.length,
    isPartial: walk.isPartial,
    imageConfig: config?.digest,
    configType: own.find(({ kind }) => kind === 'config')?.mediaType,
    workBytes:
      costOf(walk) +
      own.reduce((sum, part) => sum + part.platformBytes, 0) +
      (config === undefined || config.sizeBytes > MAX_CONFIG_BYTES ? 0 : config.sizeBytes),
  }
}

async function withAttached(
  db: Queries,
  repositoryId: string,
  { walks, done, budget }: { readonly walks: readonly Walk[]; readonly done: readonly Unattached[]; budget: number },
): Promise<TagMeasure[]> {
  const attached = await measureAttached(db, repositoryId, walks, budget)
  const measured: TagMeasure[] = []
  let spent = 0
  for (const [i, one] of attached.entries()) {
    const measure = done[i]
    if (measure === undefined || (spent > budget && measured.length > 0)) break
    const { referrers, attested } = one
    const workBytes = measure.workBytes + REFERRER_BYTES * referrers
    measured.push({ ...measure, referrers, attested, isPartial: measure.isPartial || one.isPartial, workBytes })
    spent += workBytes
  }
  return measured
}

function isImageConfig({ kind, mediaType }: Part): boolean {
  return kind === 'config' && (mediaType === MediaType.ociConfig || mediaType === MediaType.dockerConfig)
}

function platformsOf({ kind, platform }: Part): Platform[] {
  return kind !== 'child' || platform === undefined || platform.os === 'unknown' ? [] : [platform]
}
