/** Publishes releases of the sample into the sample upstream's own data, by the same functions as a client's push. */
import type { SampleRelease } from '../api/sample.ts'
import { listTags } from '../db/content/tags.ts'
import type { Database } from '../db/engine/engine.ts'
import { createOrganization } from '../db/people/organizations.ts'
import { findInstanceSetting, setInstanceSetting } from '../db/platform/instance-settings.ts'
import { createRepository } from '../db/repositories/repositories.ts'
import type { OrganizationRow } from '../db/schema.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { forEachConcurrent } from '../lib/concurrency.ts'
import type { Digest } from '../oci/digest.ts'
import { parseRepositoryName, type Tag } from '../oci/reference.ts'
import type { Destination } from '../registry/destination.ts'
import { putManifest } from '../registry/manifests.ts'
import type { Uploads } from '../registry/uploads.ts'
import { SAMPLE_PREFIX } from './images.ts'
import type { SampleKey } from './keys.ts'
import { type SampleRepository, sampleRepositories } from './repositories.ts'

/** The registry that the sample is served by. */
export interface SampleRegistry {
  readonly db: Database
  readonly uploads: Uploads
  readonly clock: Clock
}

const RELEASE_SETTING = 'sample.release'
const ACTOR = 'system'
const UPLOADS_AT_ONCE = 8

/** The release that is served; 0 before the first. */
export async function currentRelease(db: Database): Promise<number> {
  return Number((await findInstanceSetting(db.read, RELEASE_SETTING)) ?? 0)
}

/**
 * Publishes the next release over the one before: its tags move once all that they need is there. A kill half-way is
 * made good by the next call, which publishes the same release again.
 */
export async function publishNextRelease(
  registry: SampleRegistry,
  key: SampleKey,
): Promise<Omit<SampleRelease, 'url'>> {
  const release = (await currentRelease(registry.db)) + 1
  const at = isoTime(registry.clock.now())
  const organization = await registry.db.write(
    async (tx) => (await createOrganization(tx, { name: SAMPLE_PREFIX, at })).row,
  )
  const repositories: SampleRelease['repositories'] = []
  for (const repository of sampleRepositories(release, key)) {
    const movedTags = await publishRepository(registry, organization, repository)
    repositories.push({ name: repository.name, tags: repository.tags.size, movedTags })
  }
  await registry.db.write((tx) => setInstanceSetting(tx, RELEASE_SETTING, String(release)))
  return { release, repositories }
}

/** @returns the tags that were moved or added */
async function publishRepository(
  registry: SampleRegistry,
  organization: OrganizationRow,
  { name: shortName, tags, manifests, blobs }: SampleRepository,
): Promise<Tag[]> {
  const name = parseRepositoryName(`${SAMPLE_PREFIX}/${shortName}`)
  const destination: Destination = { organization, name, actor: ACTOR }
  const at = isoTime(registry.clock.now())
  const { row } = await registry.db.write((tx) =>
    createRepository(tx, { organizationId: organization.id, name, visibility: 'public', actor: ACTOR, at }),
  )
  const before = new Map((await listTags(registry.db.read, row.id, { limit: 10_000 })).map((tag) => [tag.name, tag]))
  await forEachConcurrent(blobs, UPLOADS_AT_ONCE, ([digest, bytes]) => upload(registry, destination, digest, bytes))
  for (const { descriptor, bytes } of manifests) {
    const { digest, mediaType } = descriptor
    await putManifest(registry, destination, { reference: { digest }, tags: [], contentType: mediaType, bytes })
  }
  const moved = [...tags].filter(([tag, digest]) => before.get(tag)?.digest !== digest)
  for (const { descriptor, bytes } of manifests) {
    const { digest, mediaType } = descriptor
    const own = moved.filter(([, target]) => target === digest).map(([tag]) => tag)
    if (own.length === 0) continue
    await putManifest(registry, destination, { reference: { digest }, tags: own, contentType: mediaType, bytes })
  }
  return moved.map(([tag]) => tag).sort()
}

async function upload(
  { uploads }: SampleRegistry,
  destination: Destination,
  digest: Digest,
  bytes: Uint8Array,
): Promise<void> {
  await uploads.uploadWhole(destination, digest, {
    stream: new Blob([new Uint8Array(bytes)]).stream(),
    lengthBytes: bytes.byteLength,
    range: undefined,
    signal: new AbortController().signal,
  })
}
