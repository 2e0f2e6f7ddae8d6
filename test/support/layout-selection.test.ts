import { expect, test } from 'bun:test'
import { describeWithFixtures, fixtureLayout, type Layout } from './fixtures.ts'
import { mergeLayouts, splitReferrers, withoutFallbackTags, withoutTags } from './layout-selection.ts'

/** What a layout holds, in an order of its own. */
const contentOf = (layout: Layout) => ({
  tags: [...layout.tags].sort(),
  manifests: [...layout.manifests.keys()].sort(),
  blobs: [...layout.blobs.keys()].sort(),
  referrers: [...layout.referrers].map(([subject, list]) => [subject, [...list].sort()]).sort(),
  absent: [...layout.referencedButAbsent].sort(),
})

describeWithFixtures('parts of a layout', () => {
  const names = [
    'dhi-python/release-1',
    'cosign-tags',
    'cosign-bundle',
    'oras-tree',
    'referrers-fallback-tags',
    'formats',
  ]
  for (const name of names) {
    test(`${name} without no tag at all is itself, and so are its halves merged`, () => {
      const layout = fixtureLayout(name)
      expect(contentOf(withoutTags(layout, []))).toEqual(contentOf(layout))
      const { images, referrers } = splitReferrers(layout)
      expect(contentOf(mergeLayouts([images, referrers]))).toEqual(contentOf(layout))
    })
  }

  test('the halves of an image with attestations are the images and all that is attached', () => {
    const { images, referrers } = splitReferrers(fixtureLayout('dhi-python/release-1'))
    expect([images.tags.size, images.manifests.size, images.referrers.size]).toEqual([17, 9, 0])
    expect([referrers.tags.size, referrers.manifests.size]).toEqual([0, 183])
    const cosign = splitReferrers(fixtureLayout('cosign-tags'))
    expect([...cosign.images.tags.keys()]).toEqual(['1', '1.4', '1.4.0', 'tool-0.9'])
    expect([...cosign.referrers.tags.keys()].every((tag) => /\.(sig|att|sbom)$/.test(tag))).toBe(true)
  })

  test('without its fallback tags a layout keeps the referrers that they listed', () => {
    const layout = fixtureLayout('referrers-fallback-tags')
    const mirrored = withoutFallbackTags(layout)
    expect([...mirrored.tags.keys()]).toEqual(['6.2'])
    expect(mirrored.referrers).toEqual(layout.referrers)
    expect(layout.manifests.size - mirrored.manifests.size).toBe(3)
  })

  test('a later layout wins where a tag moved, and a tag that is gone there stays', () => {
    const first = fixtureLayout('dhi-python/release-1')
    const second = fixtureLayout('dhi-python/release-2')
    const both = mergeLayouts([first, second])
    expect(both.tags.get('3.13')).toBe(second.tags.get('3.13') ?? '')
    expect(both.tags.get('3.13')).not.toBe(first.tags.get('3.13') ?? '')
    expect([second.tags.has('3.13-debian'), both.tags.has('3.13-debian')]).toEqual([false, true])
  })
})
