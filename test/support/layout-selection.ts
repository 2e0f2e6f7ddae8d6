// Smaller and larger layouts out of layouts: what a registry that refuses some tags can hold, and what a mirror holds after two releases.
import { isFallbackTag, type Layout, makeLayout } from './fixtures.ts'

/** Every digest that belongs to the given manifests: children, referrers without a tag of their own, recursively. */
function closureOf(layout: Layout, roots: Iterable<string>, skipped: ReadonlySet<string>): Set<string> {
  const reached = new Set<string>()
  const waiting = [...roots]
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const manifest = layout.manifests.get(digest)
    if (!manifest || reached.has(digest)) continue
    reached.add(digest)
    waiting.push(...manifest.children)
    for (const referrer of layout.referrers.get(digest) ?? []) {
      const tags = layout.manifests.get(referrer)?.tags ?? []
      if (tags.length === 0 || tags.some((tag) => !skipped.has(tag))) waiting.push(referrer)
    }
  }
  return reached
}

/** The layout without these tags and without whatever belongs to them alone. */
export function withoutTags(layout: Layout, skipTags: readonly string[]): Layout {
  const skipped = new Set(skipTags)
  const tags = new Map([...layout.tags].filter(([tag]) => !skipped.has(tag)))
  const kept = closureOf(layout, tags.values(), skipped)
  const manifests = new Map(
    [...layout.manifests]
      .filter(([digest]) => kept.has(digest))
      .map(([digest, manifest]) => [digest, { ...manifest, tags: manifest.tags.filter((tag) => !skipped.has(tag)) }]),
  )
  const content = new Set([...manifests.values()].flatMap((manifest) => [...manifest.blobs, ...manifest.children]))
  const blobs = new Map([...layout.blobs].filter(([digest]) => content.has(digest)))
  const absent = [...layout.referencedButAbsent].filter(
    ([digest]) => content.has(digest) || [...manifests.values()].some((manifest) => manifest.subject === digest),
  )
  return makeLayout({ ...layout, tags, manifests, blobs, referencedButAbsent: new Map(absent) })
}

/** The layout as a mirror serves it: fallback tags and their indexes are gone, the referrers they listed stay. */
export function withoutFallbackTags(layout: Layout): Layout {
  const tags = new Map([...layout.tags].filter(([tag]) => !isFallbackTag(tag)))
  const manifests = new Map(
    [...layout.manifests].filter(
      ([, manifest]) => manifest.tags.length === 0 || manifest.tags.some((tag) => !isFallbackTag(tag)),
    ),
  )
  return makeLayout({ ...layout, tags, manifests })
}

/** What one repository holds after these layouts were pushed in order: later tags win, content adds up. */
export function mergeLayouts(layouts: readonly Layout[]): Layout {
  const all = <T>(pick: (layout: Layout) => ReadonlyMap<string, T>) =>
    new Map(layouts.flatMap((layout) => [...pick(layout)]))
  const manifests = all((layout) => layout.manifests)
  const blobs = all((layout) => layout.blobs)
  return makeLayout({
    name: layouts.map((layout) => layout.name).join(' + '),
    directory: layouts[0]?.directory ?? '',
    tags: all((layout) => layout.tags),
    manifests,
    blobs,
    referencedButAbsent: new Map(
      [...all((layout) => layout.referencedButAbsent)].filter(
        ([digest]) => !manifests.has(digest) && !blobs.has(digest),
      ),
    ),
  })
}
