// Two releases of the fixtures, mirrored one after the other, and what is told of a tag's move.
import { type DeliveredEvent, deliveredEvent } from '../../../src/events/payload/event.ts'
import type { MirrorInstance } from '../../mirror/mirror-instance.ts'
import { fixtureLayout, type Layout } from '../../support/fixtures.ts'
import { memoryRepository } from '../../support/memory-repository.ts'

export const PUBLIC_URL = 'https://kagami.example'

/** Mirrors one layout, then another, into `acme/dhi-<name>`. */
export async function mirrorReleases(
  instance: MirrorInstance,
  name: string,
  releases: readonly [Layout, Layout],
): Promise<void> {
  instance.repositories.set(`hub/${name}`, memoryRepository(releases[0]))
  const { mirrorId } = await instance.mirror(`hub/${name}`)
  instance.repositories.set(`hub/${name}`, memoryRepository(releases[1]))
  const { outcome } = await instance.sync(mirrorId)
  if (outcome !== 'done') throw new Error(`the second release was not mirrored: ${outcome}`)
}

export function dhiReleases(): readonly [Layout, Layout] {
  return [fixtureLayout('dhi-python/release-1'), fixtureLayout('dhi-python/release-2')]
}

/** The last event of the kind about the tag (or about any). */
export async function lastEvent(instance: MirrorInstance, kind: string, tag?: string): Promise<DeliveredEvent> {
  const rows = await instance.db.read
    .selectFrom('events')
    .selectAll()
    .where('kind', '=', kind)
    .orderBy('seq', 'desc')
    .execute()
  const events = rows.map(deliveredEvent)
  const found = events.find(({ payload }) => tag === undefined || payload.tag === tag)
  if (found === undefined) throw new Error(`there is no ${kind} of ${tag}`)
  return found
}

/** The predicate of the attestation of this kind on a manifest of a layout. */
export function predicateOf(layout: Layout, subject: string, type: string): unknown {
  for (const digest of layout.referrers.get(subject) ?? []) {
    const manifest = layout.manifests.get(digest)
    if (!manifest?.predicateType?.startsWith(type)) continue
    const blob = layout.blobs.get(manifest.blobs.at(-1) ?? '')
    return JSON.parse(new TextDecoder().decode(blob)).predicate
  }
  throw new Error(`${subject} has no attestation ${type}`)
}
