import type { HttpResponse } from '../net/guarded-fetch.ts'
import { readJsonItems, requireList } from '../net/json-items.ts'
import { type Digest, findDigest } from '../oci/digest.ts'
import { findTag, type RepositoryName, type Tag } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import { createListingMeter, type ListingMeter, type Page, walkSizedPages } from './pages.ts'
import type { RegistrySession } from './session.ts'

export interface ListedTag {
  readonly tag: Tag
  readonly digest?: Digest
}

/** The largest repositories of public registries have some 100,000; what a pass holds of a tag is below 1 KiB. */
const LIMITS = {
  entries: 250_000,
  /** Some registries answer everything in one page, with a map of manifests besides (Artifact Registry). */
  pageBytes: 64 * 1024 * 1024,
  bytes: 128 * 1024 * 1024,
}

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
  const title = `${session.address.host}: ${what}`
  const meter = createListingMeter(title, LIMITS)
  const request = { method: 'GET', scope: `repository:${name}:pull`, signal, what } as const
  yield* walkSizedPages(new URL(`/v2/${name}/tags/list`, session.address.base), {
    keyOf: ({ tag }: ListedTag) => tag,
    what: title,
    send: (url) => session.send({ ...request, url, headers: { accept: 'application/json' } }),
    async read(response) {
      if (response.status !== 200) throw await session.failure(response, request)
      return await readPage(response, title, meter)
    },
  })
}

/**
 * `tags` may be null, hold nulls (Nexus) and digests (Artifactory): those are no tags. An answer without it is no tag list. Google's
 * registries add `{"manifest": {"sha256:…": {"tag": ["1", "latest"]}}}`.
 */
async function readPage(response: HttpResponse, title: string, meter: ListingMeter): Promise<Page<ListedTag>> {
  const tags: Tag[] = []
  const digests = new Map<string, Digest>()
  let entries = 0
  meter.page()
  const fields = await readJsonItems(response, {
    fields: ['tags'],
    paths: ['$.tags.*', '$.manifest.*.tag.*'],
    onItem(value, [field, key]) {
      const tag = typeof value === 'string' ? findTag(value) : undefined
      if (field === 'tags') {
        meter.entry()
        entries++
        if (tag !== undefined) tags.push(tag)
        return
      }
      const digest = findDigest(String(key))
      if (tag === undefined || digest === undefined) return
      if (digests.size < LIMITS.entries) digests.set(tag, digest)
    },
    onBytes: meter.bytes,
    what: title,
  })
  requireList(fields.get('tags'), 'tags', title)
  const items = tags.map((tag): ListedTag => {
    const digest = digests.get(tag)
    return digest === undefined ? { tag } : { tag, digest }
  })
  return { items, entries, link: response.headers.get('link') }
}
