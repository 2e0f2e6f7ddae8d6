// Holds a layout folder against a layout of the fixtures, byte by byte. It imports nothing from src/.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFallbackTag, type Layout } from './fixtures.ts'

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly annotations?: Record<string, string> }[]
}

const REF_NAME = 'org.opencontainers.image.ref.name'

const pathOf = (digest: string) => join('blobs', ...digest.split(':'))

/** What the folder lacks, has otherwise, or has too much; nothing when it is whole. Fallback tags are no content: what they list is. */
export function compareLayoutFolder(layout: Layout, folder: string): string[] {
  const differences: string[] = []
  const tagged = new Map([...layout.tags].filter(([tag]) => !isFallbackTag(tag)))
  const ofFallback = new Set([...layout.tags].flatMap(([tag, digest]) => (isFallbackTag(tag) ? [digest] : [])))
  for (const digest of tagged.values()) ofFallback.delete(digest)
  const wanted = new Map<string, Uint8Array>(layout.blobs)
  for (const [digest, { bytes }] of layout.manifests) if (!ofFallback.has(digest)) wanted.set(digest, bytes)
  for (const [digest, bytes] of wanted) {
    const path = join(folder, pathOf(digest))
    if (!existsSync(path)) differences.push(`missing ${digest}`)
    else if (!readFileSync(path).equals(bytes)) differences.push(`different ${digest}`)
  }
  const found = ['sha256', 'sha512'].flatMap((algorithm) => {
    const directory = join(folder, 'blobs', algorithm)
    return existsSync(directory) ? readdirSync(directory).map((name) => `${algorithm}:${name}`) : []
  })
  for (const digest of found) if (!wanted.has(digest)) differences.push(`extra ${digest}`)
  const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Index
  const tags = new Map(
    manifests.flatMap(({ digest, annotations }) =>
      annotations?.[REF_NAME] === undefined ? [] : [[annotations[REF_NAME], digest] as const],
    ),
  )
  for (const [tag, digest] of tagged)
    if (tags.get(tag) !== digest) differences.push(`tag ${tag}: ${tags.get(tag)}, want ${digest}`)
  for (const tag of tags.keys()) if (!tagged.has(tag)) differences.push(`extra tag ${tag}`)
  // A referrer is found by whoever reads the list: nothing else leads to it.
  const listed = new Set(manifests.map(({ digest }) => digest))
  for (const digests of layout.referrers.values()) {
    for (const digest of digests)
      if (!listed.has(digest) && !isChild(layout, digest)) differences.push(`not listed ${digest}`)
  }
  if (existsSync(join(folder, '.kagami'))) differences.push(`extra .kagami: ${readdirSync(join(folder, '.kagami'))}`)
  return differences
}

function isChild(layout: Layout, digest: string): boolean {
  return [...layout.manifests.values()].some(({ children }) => children.includes(digest))
}
