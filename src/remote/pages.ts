import { AppError } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'

/** Far above any real listing; a registry that goes on for longer is wrong or hostile. */
const MAX_PAGES = 10_000

export interface Page<T> {
  readonly items: readonly T[]
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
  for (;;) {
    if (visited.size === MAX_PAGES) throw new AppError('UPSTREAM_INVALID', `${o.what} has more than ${MAX_PAGES} pages`)
    visited.add(url.href)
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
    if (page.items.length === 0 || (wasOurs && !hasNews) || (linked === undefined && hasNews)) return
    if (linked === undefined && o.after === undefined) return
    const link: URL | undefined = hasNews ? sameListing(linked, url, visited) : undefined
    const own: URL | undefined = lastKey === undefined ? undefined : o.after?.(lastKey)
    wasOurs = link === undefined
    const next = link ?? own
    if (next === undefined || visited.has(next.href)) {
      throw new AppError(
        'UPSTREAM_INVALID',
        `${o.what}: the link to the next page is ${quoted(linked ?? 'absent', 200)}, want a new page of the same listing`,
      )
    }
    url = next
  }
}

/** The link when it leads to a page of the same listing that was not read yet. */
function sameListing(link: string | undefined, from: URL, visited: ReadonlySet<string>): URL | undefined {
  const url = link === undefined ? null : URL.parse(link, from.href)
  if (url === null || url.origin !== from.origin || url.pathname !== from.pathname) return undefined
  url.hash = ''
  return visited.has(url.href) ? undefined : url
}

/** The target of `rel="next"` in a Link header (RFC 8288). */
export function nextLink(header: string | null): string | undefined {
  for (const match of (header ?? '').matchAll(/<([^<>]*)>([^<]*)/g)) {
    const isNext = /;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(match[2] ?? '')
    if (isNext) return match[1]
  }
  return undefined
}
