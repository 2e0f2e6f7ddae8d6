/** Brings a bundle into a repository: nothing is sent before all of it is verified, and no tag moves before all content is there. */
import type { RunFailure } from '../../api/runs.ts'
import { AppError } from '../../errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RemoteTarget } from '../../remote/remote-target.ts'
import type { OpenedBundle } from './bundle-manifest.ts'
import type { ImportReport } from './import-report.ts'
import { makeMoves } from './move-tags.ts'
import { type DestinationTags, type MovePlan, planMoves, type TagConflict } from './plan-moves.ts'
import { planContent, pushContent, readManifest } from './push-bundle.ts'
import { verifyBundle } from './verify-bundle.ts'

export interface Destination extends DestinationTags {
  readonly isPublic: boolean
  readonly target: RemoteTarget
}

export interface ImportRequest {
  readonly bundle: OpenedBundle
  readonly file: string
  /** ORG/NAME at the destination. */
  readonly repository: string
  /** Undefined: there is no such repository. Asked once the bundle is verified. */
  findDestination(): Promise<Destination | undefined>
  /** Makes it, private. */
  create(): Promise<Destination>
  readonly isForced: boolean
  readonly isDryRun: boolean
  readonly signal: AbortSignal
  onVerified?(done: number, total: number): void
  onSent?(bytes: number): void
}

const NOWHERE: DestinationTags = { tags: new Map(), history: [], isImmutable: () => false }

/**
 * Imported again, it changes nothing; interrupted, the next import goes on with what is missing.
 * @throws AppError UPSTREAM_INVALID (the bundle is not what it says), CONFLICT (its base bundle is wanted first), TARGET_PUBLIC, TARGET_*,
 *   CANCELLED. What concerns single tags is in the report
 */
export async function importBundle(o: ImportRequest): Promise<ImportReport> {
  const { signal, onVerified } = o
  const bundle = await verifyBundle(o.bundle, { signal, ...(onVerified && { onBytes: onVerified }) })
  const { manifest } = bundle
  const found = await o.findDestination()
  if (found?.isPublic === true && manifest.repository.visibility === 'private') {
    throw new AppError(
      'TARGET_PUBLIC',
      `everybody may read ${o.repository}, and ${manifest.repository.name}, which the bundle is of, was private: nothing was sent`,
    )
  }
  const known = new Set(manifest.manifests.map(({ digest }) => digest as Digest))
  const isKnown = (digest: Digest) => known.has(digest)
  let plan = planMoves(manifest, found ?? NOWHERE, { has: isKnown, isForced: o.isForced })
  const isOptional = await findGone(bundle.leftOut, plan, found?.target, signal)
  if (isOptional.size > 0) {
    const has = (digest: Digest) => isKnown(digest) && !isOptional.has(digest)
    plan = planMoves(manifest, found ?? NOWHERE, { has, isForced: o.isForced })
  }
  const places = new Set(plan.moves.flatMap(({ to }) => (to === null ? [] : [to])))
  const content = await planContent(bundle, { target: found?.target, places, signal })
  const start = { created: found === undefined, dryRun: o.isDryRun }
  if (o.isDryRun) {
    const { manifests, blobs } = content
    const sentBytes = [...manifests.map(({ descriptor }) => descriptor), ...blobs].reduce(
      (sum, { size }) => sum + size,
      0,
    )
    const sent = { manifests: manifests.length, blobs: blobs.length, sentBytes }
    return reportOf(o, plan, { ...start, ...sent, made: plan.moves, failures: [] })
  }
  const { target } = found ?? (await o.create())
  const { onSent } = o
  const sent = await pushContent(bundle, target, content, { signal, ...(onSent && { onBytes: onSent }) })
  const descriptors = new Map(manifest.manifests.map((one) => [one.digest as Digest, one as Descriptor]))
  const moved = await makeMoves(target, plan.moves, {
    signal,
    describe(digest) {
      const one = descriptors.get(digest)
      if (one === undefined) throw new AppError('INTERNAL', `${digest} is not of this bundle`)
      return one
    },
    async read(of) {
      if (!bundle.leftOut.has(of.digest)) return await readManifest(bundle, of)
      const there = await target.reader.readManifest({ digest: of.digest }, { signal })
      if (there === undefined) throw new AppError('MANIFEST_UNKNOWN', `${of.digest} is not at the destination any more`)
      return there.bytes
    },
  })
  return reportOf(o, plan, { ...start, ...sent, sentBytes: target.usage().sentBytes, ...moved })
}

/** Places that tags only pass through, which the bundle leaves out and the destination has given up since: the way goes on without them. */
async function findGone(
  leftOut: ReadonlySet<Digest>,
  { moves }: MovePlan,
  target: RemoteTarget | undefined,
  signal: AbortSignal,
): Promise<ReadonlySet<Digest>> {
  const ends = new Set(moves.flatMap(({ to, isLast }) => (isLast && to !== null ? [to] : [])))
  const passed = new Set(moves.flatMap(({ to }) => (to !== null && leftOut.has(to) && !ends.has(to) ? [to] : [])))
  const gone = new Set<Digest>()
  if (target === undefined) return gone
  for (const digest of passed) if ((await target.head({ digest }, { signal })) === undefined) gone.add(digest)
  return gone
}

function reportOf(
  { bundle, file, repository }: ImportRequest,
  plan: MovePlan,
  done: Pick<ImportReport, 'created' | 'dryRun'> & {
    readonly made: MovePlan['moves']
    readonly failures: readonly RunFailure[]
    readonly manifests: number
    readonly blobs: number
    readonly sentBytes: number
  },
): ImportReport {
  const ways = new Map<string, { tag: string; from: string | null; to: string | null }>()
  for (const { tag, from, to } of done.made) ways.set(tag, { tag, from: ways.get(tag)?.from ?? from, to })
  const failures = [...plan.conflicts.map(conflictOf), ...done.failures]
  const failed = new Set(failures.map(({ tag }) => tag))
  const isMoved = [...ways.keys()].some((tag) => !failed.has(tag)) || plan.unchanged.length > 0
  return {
    outcome: failures.length === 0 ? 'done' : isMoved ? 'partial' : 'failed',
    bundle: {
      file,
      digest: bundle.digest,
      repository: bundle.manifest.repository.name,
      madeAt: bundle.manifest.madeAt,
    },
    repository,
    created: done.created,
    dryRun: done.dryRun,
    counts: {
      tagsMoved: ways.size,
      moves: done.made.length,
      tagsUnchanged: plan.unchanged.length,
      conflicts: plan.conflicts.length,
      manifests: done.manifests,
      blobs: done.blobs,
      sentBytes: done.sentBytes,
      skipped: plan.skipped,
      failed: failures.length,
    },
    tags: [...ways.values()],
    failures,
  }
}

function conflictOf({ tag, found, want }: TagConflict): RunFailure {
  const message = `it is at ${found ?? 'nothing'} here, the bundle has it at ${want ?? 'nothing'}: somebody moved it, or a newer bundle was imported; --force takes what the bundle has`
  return { tag, digest: found, code: 'CONFLICT', message }
}
