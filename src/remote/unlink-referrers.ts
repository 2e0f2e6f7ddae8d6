import { discard } from '../net/bounded-body.ts'
import type { Digest } from '../oci/digest.ts'
import { referencesOf } from '../oci/manifest.ts'
import type { Abortable } from '../oci/repository.ts'
import type { ReferrerLinks } from './link-referrers.ts'
import { readManifest } from './manifests.ts'
import { sendTo, signalOf, type TargetSession, titleOf } from './target-session.ts'

/** Registries that delete no manifests, or not for us: what is there stays. */
const KEEPS: ReadonlySet<number> = new Set([400, 401, 403, 405, 409, 412, 501])

/**
 * Deletes referrers by their digests, out of the fallback tag's index first: what is listed and gone would be looked for.
 * @returns those that are gone @throws AppError UPSTREAM_*, see `sendTo`
 */
export async function unlinkReferrers(
  target: TargetSession,
  links: ReferrerLinks,
  referrers: readonly Digest[],
  o: Abortable,
): Promise<Digest[]> {
  const { session, name, memory } = target
  const gone: Digest[] = []
  const bySubject = new Map<Digest, Set<Digest>>()
  for (const digest of referrers) {
    const found = await readManifest(session, name, { digest }, o)
    const subject = found && referencesOf(found.bytes).subject?.digest
    if (found === undefined) gone.push(digest)
    if (subject === undefined) continue
    const of = bySubject.get(subject) ?? new Set()
    bySubject.set(subject, of.add(digest))
  }
  for (const [subject, digests] of bySubject) {
    await links.unlink(subject, digests, o)
    for (const digest of digests) {
      const what = titleOf(target, { digest })
      const response = await sendTo(target, { ...signalOf(o), method: 'DELETE', at: `manifests/${digest}`, what })
      const { status } = response
      const isGone = status === 404 || (status >= 200 && status < 300)
      if (!isGone && !KEEPS.has(status)) throw await session.failure(response, { what })
      await discard(response)
      if (isGone) gone.push(digest)
    }
  }
  for (const digest of gone) memory.forget(digest)
  return gone
}
