import { AppError } from '../errors.ts'
import { readJson } from '../net/bounded-body.ts'
import { type Digest, findDigest } from '../oci/digest.ts'
import { findTag, type RepositoryName, type Tag } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import { walkPages } from './pages.ts'
import type { RegistrySession } from './session.ts'

export interface ListedTag {
  readonly tag: Tag
  readonly digest?: Digest
}

/** The most that ECR takes; others clamp what they do not like. */
const PAGE_SIZE = 1000
/** Some registries answer everything in one page, with a map of manifests besides (Artifact Registry). */
const MAX_PAGE_BYTES = 64 * 1024 * 1024

/**
 * All tags of a repository, in the registry's order (distribution-spec "Listing Tags").
 * @throws AppError UPSTREAM_NOT_FOUND when the repository is not there, and the other UPSTREAM_* codes
 */
export async function* listTags(
  session: RegistrySession,
  name: RepositoryName,
  { signal }: Abortable,
): AsyncGenerator<ListedTag> {
  const what = `${name}: tag list`
  const base = new URL(`/v2/${name}/tags/list?n=${PAGE_SIZE}`, session.address.base)
  const after = (last: string) => {
    const url = new URL(base)
    url.searchParams.set('last', last)
    return url
  }
  const load = async (url: URL) => {
    const request = { method: 'GET', url, scope: `repository:${name}:pull`, signal, what } as const
    const response = await session.send({ ...request, headers: { accept: 'application/json' } })
    if (response.status !== 200) throw await session.failure(response, request)
    const title = `${session.address.host}: ${what}`
    return { items: tagsOf(await readJson(response, MAX_PAGE_BYTES, title), title), link: response.headers.get('link') }
  }
  yield* walkPages(base, load, { keyOf: ({ tag }) => tag, after, what: `${session.address.host}: ${what}` })
}

/** `tags` may be null, hold nulls (Nexus) and digests (Artifactory): those are no tags. An answer without it is no tag list. */
function tagsOf(body: unknown, what: string): ListedTag[] {
  const { tags, manifest } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  if (tags === null) return []
  if (!Array.isArray(tags)) throw new AppError('UPSTREAM_INVALID', `${what} holds no array "tags"`)
  const digests = digestsByTag(manifest)
  return tags.flatMap((text) => {
    const tag = typeof text === 'string' ? findTag(text) : undefined
    if (tag === undefined) return []
    const digest = digests.get(tag)
    return [digest === undefined ? { tag } : { tag, digest }]
  })
}

/** Google's registries add `{"manifest": {"sha256:…": {"tag": ["1", "latest"]}}}`. */
function digestsByTag(manifest: unknown): ReadonlyMap<string, Digest> {
  const digests = new Map<string, Digest>()
  if (typeof manifest !== 'object' || manifest === null) return digests
  for (const [key, entry] of Object.entries(manifest)) {
    const digest = findDigest(key)
    const tags: unknown = (entry as { tag?: unknown } | null)?.tag
    if (digest === undefined || !Array.isArray(tags)) continue
    for (const tag of tags) if (typeof tag === 'string') digests.set(tag, digest)
  }
  return digests
}
