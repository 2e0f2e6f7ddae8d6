// Smaller and larger layouts out of layouts: what a registry that refuses some tags can hold, and what a mirror holds after two releases.
import { isFallbackTag, type Layout, makeLayout } from './fixtures.ts'

/** Every digest that belongs to the given manifests: children, referrers without a tag of their own, recursively. */
function closureOf(
  layout: Layout,
  roots: Iterable<string>,
  skipped: ReadonlySet<string>,
  follow: 'children and referrers' | 'children' = 'children and referrers',
): Set<string> {
  const reached = new Set<string>()
  const waiting = [...roots]
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const manifest = layout.manifests.get(digest)
    if (!manifest || reached.has(digest)) continue
    reached.add(digest)
    waiting.push(...manifest.children)
    if (follow === 'children') continue
    for (const referrer of layout.referrers.get(digest) ?? []) {
      const tags = layout.manifests.get(referrer)?.tags ?? []
      if (tags.length === 0 || tags.some((tag) => !skipped.has(tag))) waiting.push(referrer)
    }
  }
  return reached
}

/** The layout with these tags and manifests, and the blobs that they need. */
function reduceTo(layout: Layout, tags: ReadonlyMap<string, string>, kept: ReadonlySet<string>): Layout {
  const manifests = new Map(
    [...layout.manifests]
      .filter(([digest]) => kept.has(digest))
      .map(([digest, manifest]) => [digest, { ...manifest, tags: manifest.tags.filter((tag) => tags.has(tag)) }]),
  )
  const all = [...manifests.values()]
  const content = new Set(all.flatMap((manifest) => [...manifest.blobs, ...manifest.children]))
  const named = new Set([...content, ...all.map((manifest) => manifest.subject)])
  const blobs = new Map([...layout.blobs].filter(([digest]) => content.has(digest)))
  const referencedButAbsent = new Map([...layout.referencedButAbsent].filter(([digest]) => named.has(digest)))
  return makeLayout({ ...layout, tags, manifests, blobs, referencedButAbsent })
}

/** The layout without these tags and without whatever belongs to them alone. */
export function withoutTags(layout: Layout, skipTags: readonly string[]): Layout {
  const skipped = new Set(skipTags)
  const tags = new Map([...layout.tags].filter(([tag]) => !skipped.has(tag)))
  const kept = closureOf(layout, tags.values(), skipped)
  const rootsOfSkipped = [...layout.tags].filter(([tag]) => skipped.has(tag)).map(([, digest]) => digest)
  const gone = closureOf(layout, rootsOfSkipped, new Set())
  // What no tag leads to (referrers whose subject is elsewhere) was never the skipped tags' own.
  const staying = [...layout.manifests.keys()].filter((digest) => kept.has(digest) || !gone.has(digest))
  return reduceTo(layout, tags, new Set(staying))
}

/**
 * Two halves of a layout, for an upstream with a separate referrer source: images with their children and tags, and what is
 * attached to them (referrers of any level, cosign's digest tags, fallback tags). Merged they are the layout again.
 */
export function splitReferrers(layout: Layout): { images: Layout; referrers: Layout } {
  const isDigestTag = (tag: string) => /^(sha256|sha512)-[0-9a-f]{64}/.test(tag)
  const imageTags = new Map([...layout.tags].filter(([tag]) => !isDigestTag(tag)))
  const referrerTags = new Map([...layout.tags].filter(([tag]) => isDigestTag(tag)))
  const images = closureOf(layout, imageTags.values(), new Set(), 'children')
  const attached = new Set([...layout.manifests.keys()].filter((digest) => !images.has(digest)))
  return { images: reduceTo(layout, imageTags, images), referrers: reduceTo(layout, referrerTags, attached) }
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
