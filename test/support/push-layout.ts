// Pushes a layout as real clients would: blobs, children before indexes, subjects before referrers, tags last.
import { algorithmOf, fallbackTagOf, isFallbackTag, type Layout, type LayoutManifest } from './fixtures.ts'
import { withoutTags } from './layout-selection.ts'
import { eachLimited } from './limit.ts'
import {
  expectStatus,
  parseJson,
  type ReferrerDescriptor,
  type RegistryClient,
  registryClient,
} from './registry-client.ts'
import type { RegistryAccess } from './registry-session.ts'

export interface PushOptions {
  /** Tags that this registry refuses; what belongs to them alone is not pushed either. */
  readonly skipTags?: readonly string[]
}

const indexType = 'application/vnd.oci.image.index.v1+json'

/** Manifests in waves: everything that a manifest refers to is in an earlier wave than itself. */
function pushOrder(layout: Layout): LayoutManifest[][] {
  const waves: LayoutManifest[][] = []
  const waveOf = new Map<string, number>()
  const place = (digest: string): number => {
    const known = waveOf.get(digest)
    if (known !== undefined) return known
    const manifest = layout.manifests.get(digest)
    if (!manifest) return -1
    const needed = manifest.subject === undefined ? manifest.children : [...manifest.children, manifest.subject]
    const wave = 1 + Math.max(-1, ...needed.map(place))
    waveOf.set(digest, wave)
    waves[wave] ??= []
    waves[wave].push(manifest)
    return wave
  }
  for (const digest of layout.manifests.keys()) place(digest)
  return waves
}

const descriptorOf = (manifest: LayoutManifest) => ({
  mediaType: manifest.mediaType,
  digest: manifest.digest,
  size: manifest.bytes.length,
  ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
  ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
})

/** Adds referrers to the index under a subject's fallback tag (Distribution 1.1, "Pushing Manifests with Subject"). */
async function addToFallbackTag(client: RegistryClient, subject: string, referrers: readonly LayoutManifest[]) {
  const tag = fallbackTagOf(subject)
  const found = await client.getManifest(tag)
  const listed = found.status === 404 ? [] : parseJson<{ manifests: ReferrerDescriptor[] }>(found).manifests
  const known = new Set(listed.map((item) => item.digest))
  const added = referrers.filter((referrer) => !known.has(referrer.digest)).map(descriptorOf)
  if (added.length === 0) return
  const index = { schemaVersion: 2, mediaType: indexType, manifests: [...listed, ...added] }
  const bytes = new TextEncoder().encode(JSON.stringify(index))
  expectStatus(await client.putManifest(tag, bytes, indexType), `PUT fallback tag ${tag}`, 201)
}

async function pushTag(client: RegistryClient, tag: string, manifest: LayoutManifest) {
  // PUT by tag names the content by its sha256, so any other algorithm needs the tag parameter of a PUT by digest.
  const byTag = algorithmOf(manifest.digest) === 'sha256'
  const answer = byTag
    ? await client.putManifest(tag, manifest.bytes, manifest.mediaType)
    : await client.putManifest(manifest.digest, manifest.bytes, manifest.mediaType, [tag])
  expectStatus(answer, `PUT tag ${tag} of ${client.repository}`, 201)
}

/**
 * Pushes a layout to `registryUrl` + `/v2/` + `repository`. On a registry without the referrers API (a PUT with a subject is not
 * answered by `OCI-Subject`) it keeps the fallback tags, but never touches one that the layout brings itself.
 * @throws Error naming the reference and the registry's answer when the registry refuses something
 */
export async function pushLayout(
  layout: Layout,
  registryUrl: string,
  repository: string,
  access: RegistryAccess & PushOptions = {},
): Promise<void> {
  const chosen = withoutTags(layout, access.skipTags ?? [])
  const client = registryClient(registryUrl, repository, access)
  await eachLimited(chosen.blobs, 8, ([digest, bytes]) => client.pushBlob(digest, bytes))

  const needFallback = new Map<string, LayoutManifest[]>()
  for (const wave of pushOrder(chosen)) {
    await eachLimited(wave, 8, async (manifest) => {
      const answer = await client.putManifest(manifest.digest, manifest.bytes, manifest.mediaType)
      expectStatus(answer, `PUT manifest ${manifest.digest} (${manifest.tags}) to ${repository}`, 201)
      if (manifest.subject === undefined || answer.headers.get('oci-subject') === manifest.subject) return
      const list = needFallback.get(manifest.subject) ?? []
      needFallback.set(manifest.subject, [...list, manifest])
    })
  }
  await eachLimited(needFallback, 8, async ([subject, referrers]) => {
    if (!chosen.tags.has(fallbackTagOf(subject))) await addToFallbackTag(client, subject, referrers)
  })
  // Fallback tags first: whoever sees an image's tag must find its referrers.
  const tags = [...chosen.tags].sort(([a], [b]) => Number(isFallbackTag(b)) - Number(isFallbackTag(a)))
  for (const [tag, digest] of tags) {
    const manifest = chosen.manifests.get(digest)
    if (!manifest) throw new Error(`layout ${layout.name}: tag ${tag} points to ${digest}, which it does not hold`)
    await pushTag(client, tag, manifest)
  }
}
