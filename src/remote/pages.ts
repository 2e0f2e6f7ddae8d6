import { AppError } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { discard } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import { digestOf } from '../oci/digest.ts'

/** Far above any real listing; a registry that goes on for longer is wrong or hostile. */
const MAX_PAGES = 10_000
/** Pages in a row without an item, each with a link to one more: a filter of the registry's own may leave some out. */
const MAX_EMPTY_PAGES = 100
/** Links are remembered only by their hash, and are far shorter. */
const MAX_LINK_LENGTH = 8192

/** What a whole listing may hold, over all of its pages. */
export interface ListingLimits {
  readonly entries: number
  readonly bytes: number
}

/** Counts what a listing has brought, as it comes: what is too much is never held. */
export interface ListingMeter {
  /** One entry, counted whether it is any use or not. @throws AppError UPSTREAM_INVALID beyond the limit */
  entry(): void
  /** The same for bytes of bodies, of a page too when `pageBytes` were given. */
  bytes(count: number): void
  /** A new page begins. */
  page(): void
}

export function createListingMeter(what: string, limits: ListingLimits & { readonly pageBytes: number }): ListingMeter {
  let entries = 0
  let bytes = 0
  let pageBytes = 0
  const refuse = (why: string) => new AppError('UPSTREAM_INVALID', `${what} has more than ${why}, want at most that`)
  return {
    entry() {
      if (++entries > limits.entries) throw refuse(`${limits.entries} entries`)
    },
    bytes(count) {
      bytes += count
      pageBytes += count
      if (pageBytes > limits.pageBytes) throw refuse(`${limits.pageBytes} bytes in one page`)
      if (bytes > limits.bytes) throw refuse(`${limits.bytes} bytes`)
    },
    page() {
      pageBytes = 0
    },
  }
}

export interface Page<T> {
  readonly items: readonly T[]
  /** How many entries the page had, those of no use included; `items.length` when left out. */
  readonly entries?: number
  /** The `Link` header of the answer. */
  readonly link: string | null
}

/**
 * Walks a listing page by page and yields each item once (distribution-spec "Listing Tags", "Listing Referrers").
 * Follows `Link rel="next"` on the same host and path, full page or not. Where the link is wrong (Artifactory counts in
 * `last`, Nexus names its connector's address) it asks for what comes after the last item in our own URL instead.
 * @param after the URL of the page after an item; undefined where the listing has no such parameter
 * @throws AppError UPSTREAM_INVALID when the listing cannot be walked to its end: part of a list is never taken for the whole
 */
export async function* walkPages<T>(
  first: URL,
  load: (url: URL) => Promise<Page<T>>,
  o: { readonly keyOf: (item: T) => string; readonly after?: (lastKey: string) => URL; readonly what: string },
): AsyncGenerator<T> {
  const seen = new Set<string>()
  const visited = new Set<string>()
  let lastKey: string | undefined
  let url = first
  let wasOurs = false
  let emptyPages = 0
  for (;;) {
    if (visited.size === MAX_PAGES) throw new AppError('UPSTREAM_INVALID', `${o.what} has more than ${MAX_PAGES} pages`)
    visited.add(pageKey(url))
    const page: Page<T> = await load(url)
    const sizeBefore = seen.size
    for (const item of page.items) {
      lastKey = o.keyOf(item)
      if (seen.has(lastKey)) continue
      seen.add(lastKey)
      yield item
    }
    const linked = nextLink(page.link)
    const hasNews = seen.size > sizeBefore
    const isBarren = page.items.length === 0
    const isEmpty = isBarren && (page.entries ?? 0) === 0
    emptyPages = isBarren ? emptyPages + 1 : 0
    if (emptyPages > MAX_EMPTY_PAGES) {
      throw new AppError(
        'UPSTREAM_INVALID',
        `${o.what} has more than ${MAX_EMPTY_PAGES} pages in a row without one of use`,
      )
    }
    // Where we can ask for what comes after an item, an empty page is the end whatever it links to.
    if (isEmpty && o.after !== undefined) return
    if (linked === undefined && (hasNews || isBarren || o.after === undefined)) return
    if (wasOurs && !hasNews && !isBarren) return
    const link: URL | undefined = hasNews || isBarren ? sameListing(linked, url, visited) : undefined
    const own: URL | undefined = lastKey === undefined ? undefined : o.after?.(lastKey)
    wasOurs = link === undefined
    const next = link ?? own
    if (next === undefined || visited.has(pageKey(next))) {
      throw new AppError(
        'UPSTREAM_INVALID',
        `${o.what}: the link to the next page is ${quoted(linked ?? 'absent', 200)}, want a new page of the same listing`,
      )
    }
    url = next
  }
}

/** These speak of us, of the list or of the moment. What else the registry finds wrong may be the size of the page. */
const NOT_OF_SIZE: ReadonlySet<number> = new Set([401, 403, 404, 407, 408, 429, 499])

/** Whether the answer to a page with a size may be about that size: others take the largest that they give. */
export function refusesSize({ status }: HttpResponse): boolean {
  return status >= 400 && status < 500 && !NOT_OF_SIZE.has(status)
}

/** The most that ECR takes; others clamp what they do not like. */
const PAGE_SIZE = 1000

/**
 * Walks a listing that has `n` and `last` (distribution-spec "Listing Tags", distribution's `_catalog`) with large pages; where the
 * registry refuses their size, with pages of its own size.
 * @param read the page of an answer, of any status
 */
export async function* walkSizedPages<T>(
  base: URL,
  o: {
    send(url: URL): Promise<HttpResponse>
    read(response: HttpResponse): Promise<Page<T>>
    readonly keyOf: (item: T) => string
    readonly what: string
  },
): AsyncGenerator<T> {
  let isSized = true
  const pageAfter = (last?: string) => {
    const url = new URL(base)
    if (isSized) url.searchParams.set('n', String(PAGE_SIZE))
    if (last !== undefined) url.searchParams.set('last', last)
    return url
  }
  const first = pageAfter()
  const load = async (url: URL) => {
    const response = await o.send(url)
    if (url !== first || !refusesSize(response)) return await o.read(response)
    await discard(response)
    isSized = false
    return await o.read(await o.send(pageAfter()))
  }
  yield* walkPages(first, load, { keyOf: o.keyOf, after: pageAfter, what: o.what })
}

/** The link when it leads to a page of the same listing that was not read yet. */
function sameListing(link: string | undefined, from: URL, visited: ReadonlySet<string>): URL | undefined {
  const url = link === undefined || link.length > MAX_LINK_LENGTH ? null : URL.parse(link, from.href)
  if (url === null || url.origin !== from.origin || url.pathname !== from.pathname) return undefined
  url.hash = ''
  return visited.has(pageKey(url)) ? undefined : url
}

/** Links may be thousands of characters long, and there may be thousands of pages. */
function pageKey(url: URL): string {
  return digestOf(url.href)
}

/** The target of `rel="next"` in a Link header (RFC 8288). */
export function nextLink(header: string | null): string | undefined {
  for (const match of (header ?? '').matchAll(/<([^<>]*)>([^<]*)/g)) {
    const isNext = /;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(match[2] ?? '')
    if (isNext) return match[1]
  }
  return undefined
}
