// Walks a mirror over /v2 and finds what must never be seen: a tag without all that belongs to it, or content that no tag has yet.
import { type CompareTarget, compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { withoutTags } from '../support/layout-selection.ts'
import { eachLimited } from '../support/limit.ts'
import { registryClient } from '../support/registry-client.ts'

/** What the repository serves of the layout. */
export interface Visible {
  readonly tags: readonly string[]
  /** Empty when each served tag has its whole closure (children, blobs, referrers of every level), and nothing else is served. */
  readonly faults: readonly string[]
}

/** @param layout what the mirror will hold in the end; every manifest of it belongs to a tag */
export async function walkVisible(layout: Layout, target: CompareTarget): Promise<Visible> {
  const client = registryClient(target.url, target.repository, target)
  const tags = (await client.listTags()) ?? []
  const hiddenTags = [...layout.tags.keys()].filter((tag) => !tags.includes(tag))
  const whole = withoutTags(layout, hiddenTags)
  const faults: string[] = []
  if (tags.length > 0) {
    const differences = await compareMirror(layout, target, { skipTags: hiddenTags })
    faults.push(...differences.map((difference) => JSON.stringify(difference)))
  }
  await eachLimited(layout.manifests.keys(), 8, async (digest) => {
    if (whole.manifests.has(digest)) return
    const { status } = await client.headManifest(digest)
    if (status !== 404) faults.push(`manifest ${digest} is served before its tag: ${status}`)
  })
  await eachLimited(layout.blobs.keys(), 8, async (digest) => {
    if (whole.blobs.has(digest)) return
    const { status } = await client.headBlob(digest)
    if (status !== 404) faults.push(`blob ${digest} is served before its tag: ${status}`)
  })
  return { tags, faults }
}
