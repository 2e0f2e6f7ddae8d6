// The comparer: holds a served repository against a layout and its answer key, digest by digest. It imports nothing from src/.
import { isFallbackTag, type Layout, type LayoutManifest } from './fixtures.ts'
import { mergeLayouts, withoutFallbackTags, withoutTags } from './layout-selection.ts'
import { eachLimited } from './limit.ts'
import { digestLike, type ReferrerDescriptor, type RegistryClient, registryClient } from './registry-client.ts'
import type { RegistryAccess, RegistryAnswer } from './registry-session.ts'

export interface CompareTarget extends RegistryAccess {
  readonly url: string
  readonly repository: string
}

export interface CompareOptions {
  /** Tags that never reached the source; what belongs to them alone must not be there. */
  readonly skipTags?: readonly string[]
  /** Tags that may be there beyond the layout's: somebody else's, which the mirror leaves alone. */
  readonly otherTags?: readonly string[]
  /**
   * `referrers` (a mirror): fallback tags of the layout are no tags of the target, what they list is in the referrers API.
   * `tags` (a repository that the layout was pushed to): they are tags like others.
   */
  readonly fallbackTags?: 'referrers' | 'tags'
  /** `api` wants the referrers API; `either` takes the fallback tags of a registry without it, and does not call them extra. */
  readonly referrers?: 'api' | 'either'
}

export interface Difference {
  readonly kind: 'missing' | 'different' | 'extra'
  /** `tag 3.13`, `manifest sha256:…`, `blob sha256:…`, `referrer sha256:… of sha256:…`. */
  readonly of: string
  readonly want?: string
  readonly got?: string
}

type Report = (difference: Difference) => void

/** Compares without regard to the order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

function compareManifest(of: string, want: LayoutManifest, got: RegistryAnswer, report: Report) {
  if (got.status !== 200) return report({ kind: 'missing', of, want: want.digest, got: `status ${got.status}` })
  const check = (what: string, wanted: string, found: string | null) => {
    if (wanted !== found) report({ kind: 'different', of: `${of}: ${what}`, want: wanted, got: String(found) })
  }
  check('digest of the bytes', want.digest, digestLike(want.digest, got))
  check('Content-Type', want.mediaType, got.headers.get('content-type'))
  check('Content-Length', String(want.bytes.length), got.headers.get('content-length'))
  check('Docker-Content-Digest', want.digest, got.headers.get('docker-content-digest'))
}

async function compareTags(client: RegistryClient, layout: Layout, options: CompareOptions, report: Report) {
  const served = await client.listTags()
  if (served === undefined) report({ kind: 'missing', of: `repository ${client.repository}` })
  const allowed = new Set(options.otherTags)
  for (const tag of served ?? []) {
    if (layout.tags.has(tag) || allowed.has(tag)) continue
    if (options.referrers !== 'either' || !isFallbackTag(tag)) report({ kind: 'extra', of: `tag ${tag}` })
  }
  await eachLimited(layout.tags, 8, async ([tag, digest]) => {
    const want = layout.manifests.get(digest)
    if (!want) throw new Error(`layout ${layout.name}: tag ${tag} points to ${digest}, which it does not hold`)
    if (!served?.includes(tag)) report({ kind: 'missing', of: `tag ${tag}`, want: digest, got: 'not listed' })
    compareManifest(`tag ${tag}`, want, await client.getManifest(tag), report)
    const head = await client.headManifest(tag)
    const found = head.status === 200 ? String(head.headers.get('docker-content-digest')) : `status ${head.status}`
    if (found !== digest) report({ kind: 'different', of: `HEAD of tag ${tag}`, want: digest, got: found })
  })
}

async function compareBlob(client: RegistryClient, digest: string, size: number, report: Report) {
  const got = await client.getBlob(digest)
  const of = `blob ${digest}`
  if (got.status !== 200) return report({ kind: 'missing', of, got: `status ${got.status}` })
  const found = digestLike(digest, got)
  if (found !== digest) report({ kind: 'different', of: `${of}: digest of the bytes`, want: digest, got: found })
  const length = got.headers.get('content-length')
  if (length !== String(size))
    report({ kind: 'different', of: `${of}: Content-Length`, want: `${size}`, got: `${length}` })
}

/** The fields that a referrers list must show (Distribution 1.1, "Listing Referrers"). */
function shown(descriptor: ReferrerDescriptor): string {
  const { mediaType, digest, size, artifactType, annotations } = descriptor
  return canonical({ mediaType, digest, size, artifactType, annotations: annotations ?? {} })
}

async function compareReferrers(client: RegistryClient, layout: Layout, subject: string, mode: string, report: Report) {
  const wanted = layout.referrers.get(subject) ?? []
  const { source, items } = await client.listReferrers(subject)
  if (source === 'fallback' && mode === 'api') {
    return report({ kind: 'missing', of: `referrers API for ${subject}`, got: 'status 404' })
  }
  const served = new Map(items.map((item) => [item.digest, item]))
  if (served.size !== items.length) report({ kind: 'extra', of: `referrers of ${subject}: one is listed twice` })
  for (const digest of wanted) {
    const of = `referrer ${digest} of ${subject}`
    const got = served.get(digest)
    served.delete(digest)
    const manifest = layout.manifests.get(digest)
    if (!got || !manifest) {
      report({ kind: 'missing', of })
      continue
    }
    const { mediaType, artifactType, annotations } = manifest
    const want = {
      mediaType,
      digest,
      size: manifest.bytes.length,
      ...(artifactType === undefined ? {} : { artifactType }),
    }
    const full = annotations === undefined ? want : { ...want, annotations }
    // What clients write into fallback indexes often lacks artifactType and annotations.
    if (source === 'api' && shown(got) !== shown(full)) {
      report({ kind: 'different', of, want: shown(full), got: shown(got) })
    }
  }
  for (const digest of served.keys()) report({ kind: 'extra', of: `referrer ${digest} of ${subject}` })
}

/** What nobody can have must not be served as if one had it. */
async function compareAbsent(client: RegistryClient, digest: string, report: Report) {
  const [manifest, blob] = await Promise.all([client.headManifest(digest), client.headBlob(digest)])
  if (manifest.status !== 404) report({ kind: 'extra', of: `manifest ${digest}`, got: `status ${manifest.status}` })
  if (blob.status !== 404) report({ kind: 'extra', of: `blob ${digest}`, got: `status ${blob.status}` })
}

/**
 * Compares a served repository with one layout, or with several that were mirrored one after the other (later tags win, content
 * adds up). Every tag, manifest, blob and referrers list is fetched; the list of differences is empty when they are equal.
 * @throws Error when the registry cannot be reached or answers a list with an unexpected status
 */
export async function compareMirror(
  layouts: Layout | readonly Layout[],
  target: CompareTarget,
  options: CompareOptions = {},
): Promise<Difference[]> {
  const differences: Difference[] = []
  const report: Report = (difference) => {
    differences.push(difference)
  }
  const mode = options.referrers ?? 'api'
  const chosen = ('tags' in layouts ? [layouts] : layouts).map((one) => withoutTags(one, options.skipTags ?? []))
  const merged = mergeLayouts(chosen)
  const layout = options.fallbackTags === 'tags' ? merged : withoutFallbackTags(merged)
  const client = registryClient(target.url, target.repository, target)

  await compareTags(client, layout, options, report)
  await eachLimited(layout.manifests.values(), 8, async (manifest) =>
    compareManifest(`manifest ${manifest.digest}`, manifest, await client.getManifest(manifest.digest), report),
  )
  await eachLimited(layout.blobs, 8, ([digest, bytes]) => compareBlob(client, digest, bytes.length, report))
  const subjects = new Set([...layout.manifests.keys(), ...layout.referrers.keys()])
  await eachLimited(subjects, 8, (subject) => compareReferrers(client, layout, subject, mode, report))
  await eachLimited(layout.referencedButAbsent.keys(), 8, (digest) => compareAbsent(client, digest, report))
  return differences.sort((a, b) => (a.of < b.of ? -1 : 1))
}
