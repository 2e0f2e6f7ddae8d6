/** Brings the content of a verified bundle to a repository: blobs, then manifests from the leaves up, all by digest. */
import { AppError, isAppError } from '../../errors.ts'
import { blobPath, readSmall } from '../../layouts/layout-files.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import { backoffMs, systemSleep } from '../../lib/retry.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import type { Abortable, RepositoryWriter } from '../../oci/repository.ts'
import type { TargetRepository } from '../../oci/target-repository.ts'
import type { RemoteTarget } from '../../remote/remote-target.ts'
import type { VerifiedBundle, VerifiedManifest } from './verify-bundle.ts'

export interface ContentPlan {
  /** Manifests of the bundle that the repository lacks; what they name comes before them. */
  readonly manifests: readonly VerifiedManifest[]
  /** Blobs of theirs that the bundle holds; some may be there. */
  readonly blobs: readonly Descriptor[]
}

const AT_ONCE = 6
const MAX_FAILURES = 5
const BACKOFF = { firstMs: 250, factor: 2, maxMs: 10_000 }

/**
 * What is to be sent. A repository of Kagami has all that a manifest of it names, so that only what new ones name is asked for.
 * @param o.places digests that tags are to move to @param o.target undefined: there is no repository yet
 * @throws AppError CONFLICT when something that the bundle leaves out is not there: the bundle that it is since has to come first
 */
export async function planContent(
  bundle: VerifiedBundle,
  o: Abortable & { readonly target: RemoteTarget | undefined; readonly places: ReadonlySet<Digest> },
): Promise<ContentPlan> {
  const { target } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const lacking = new Map<Digest, VerifiedManifest>()
  await forEachConcurrent(wantedManifests(bundle, o.places), AT_ONCE, async ([digest, one]) => {
    const found = await target?.head({ digest }, abortable)
    if (found === undefined) lacking.set(digest, one)
  })
  const blobs = new Map<Digest, Descriptor>()
  // Attestations that a bundle in between has brought are named by nothing in this one.
  const current = bundle.manifest.manifests.flatMap(({ digest, past }) => (past ? [] : [digest as Digest]))
  const neededManifests = new Set([...current, ...o.places].filter((digest) => bundle.leftOut.has(digest)))
  const neededBlobs = new Map<Digest, Descriptor>()
  for (const one of lacking.values()) {
    for (const child of one.children) if (bundle.leftOut.has(child)) neededManifests.add(child)
    for (const blob of one.blobs) {
      if (bundle.absent.has(blob.digest)) continue
      const at = bundle.leftOut.has(blob.digest) ? neededBlobs : blobs
      at.set(blob.digest, blob)
    }
  }
  await forEachConcurrent(neededManifests, AT_ONCE, async (digest) => {
    if ((await target?.head({ digest }, abortable)) === undefined) throw wantsBase(bundle, 'manifest', digest)
  })
  await forEachConcurrent(neededBlobs.values(), AT_ONCE, async (blob) => {
    if ((await target?.hasBlob(blob, abortable)) !== true) throw wantsBase(bundle, 'blob', blob.digest)
  })
  return { manifests: fromLeavesUp(lacking), blobs: [...blobs.values()] }
}

/** All that tags lead to; of what only history leads to, what tags are to pass through: the rest may be gone at the destination for good. */
function wantedManifests(
  { manifest, manifests }: VerifiedBundle,
  places: ReadonlySet<Digest>,
): ReadonlyMap<Digest, VerifiedManifest> {
  const attached = new Map<Digest, Digest[]>()
  for (const [digest, { subject }] of manifests) {
    if (subject === undefined) continue
    const others = attached.get(subject)
    if (others === undefined) attached.set(subject, [digest])
    else others.push(digest)
  }
  const wanted = new Map<Digest, VerifiedManifest>()
  const queue = [...places]
  for (const { digest, past } of manifest.manifests) if (!past) queue.push(digest as Digest)
  const seen = new Set<Digest>()
  for (const digest of queue) {
    if (seen.has(digest)) continue
    seen.add(digest)
    const one = manifests.get(digest)
    if (one !== undefined) wanted.set(digest, one)
    queue.push(...(one?.children ?? []), ...(attached.get(digest) ?? []))
  }
  return wanted
}

function wantsBase({ files, manifest }: VerifiedBundle, noun: string, digest: Digest): AppError {
  const base = manifest.since
  return new AppError(
    'CONFLICT',
    `${files.title} leaves out the ${noun} ${digest}, which is not at the destination: import the bundle first that it is since, ${base?.digest} made at ${base?.madeAt}`,
  )
}

function fromLeavesUp(manifests: ReadonlyMap<Digest, VerifiedManifest>): VerifiedManifest[] {
  const ordered = new Set<VerifiedManifest>()
  const begun = new Set<Digest>()
  for (const start of manifests.keys()) {
    const stack = [start]
    for (let digest = stack.at(-1); digest !== undefined; digest = stack.at(-1)) {
      const one = manifests.get(digest)
      const next = begun.has(digest) ? undefined : one?.children.filter((child) => !begun.has(child))
      begun.add(digest)
      if (next !== undefined && next.length > 0) stack.push(...next)
      else {
        stack.pop()
        if (one !== undefined) ordered.add(one)
      }
    }
  }
  return [...ordered]
}

/** @throws AppError TARGET_*, what the bundle's file throws */
export async function pushContent(
  bundle: VerifiedBundle,
  target: TargetRepository,
  plan: ContentPlan,
  o: { readonly signal: AbortSignal; onBytes?(bytes: number): void },
): Promise<{ readonly blobs: number; readonly manifests: number }> {
  const abortable: Abortable = { signal: o.signal }
  let blobs = 0
  await forEachConcurrent(plan.blobs, AT_ONCE, async (blob) => {
    if (await sendBlob(bundle, target.writer, blob, abortable)) blobs++
    o.onBytes?.(blob.size)
  })
  for (const { descriptor } of plan.manifests) {
    const bytes = await readManifest(bundle, descriptor)
    await target.writer.writeManifest({ descriptor, bytes }, abortable)
    o.onBytes?.(descriptor.size)
  }
  return { blobs, manifests: plan.manifests.length }
}

/** @returns false: it was there */
async function sendBlob(
  { files }: VerifiedBundle,
  writer: RepositoryWriter,
  blob: Descriptor,
  abortable: Abortable,
): Promise<boolean> {
  const sink = await writer.stageBlob(blob, abortable)
  if (sink === 'present') return false
  try {
    for (let failures = 0; ; ) {
      // It knows what arrived before a break.
      const from = sink.missing[0]?.from ?? blob.size
      try {
        if (from < blob.size)
          await sink.write(from, await files.open(blobPath(blob.digest), { from, to: blob.size }), abortable)
        await sink.commit(abortable)
        return true
      } catch (error) {
        if (!isAppError(error, 'TARGET_UNAVAILABLE') || ++failures > MAX_FAILURES) throw error
        await systemSleep(backoffMs(failures, BACKOFF, Math.random), abortable.signal)
      }
    }
  } finally {
    await sink.close()
  }
}

export async function readManifest({ files }: VerifiedBundle, { digest }: Descriptor): Promise<Uint8Array> {
  const bytes = await readSmall(files, blobPath(digest), MAX_MANIFEST_BYTES)
  if (bytes === undefined) throw new AppError('MANIFEST_UNKNOWN', `${files.title} does not hold ${digest}`)
  return bytes
}
