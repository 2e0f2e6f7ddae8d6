/** What a publish makes of a layout's `index.json`: pure. What others have put there stays as it is. */
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import type { Tag } from '../oci/reference.ts'
import type { TagMove, TagOutcome } from '../oci/repository.ts'
import { type LayoutEntry, type LayoutIndex, REF_NAME } from './layout-index.ts'

export interface IndexChange {
  readonly roots: readonly Descriptor[]
  readonly tags: readonly TagMove[]
}

/**
 * Tags move as `TagMove` wants it. Roots that no name shows are listed without one, so that everything in the layout can be found: what was
 * tagged before and is not any more goes on being listed only where it is such a root.
 * @returns the entries in an order that depends on the content alone: by name, then by digest
 */
export function changeIndex(
  index: LayoutIndex,
  changes: readonly IndexChange[],
): { readonly document: object; readonly outcomes: readonly (readonly TagOutcome[])[]; readonly isChanged: boolean } {
  const tags = new Map<Tag, Descriptor>(index.tags)
  const touched = new Set<Tag>()
  const outcomes = changes.map(({ tags: moves }) =>
    moves.map(({ tag, to, expect }): TagOutcome => {
      const found = tags.get(tag)?.digest
      const seen = found === undefined ? {} : { found }
      if (found === to?.digest) return { tag, result: 'unchanged', ...seen }
      if (found !== expect || index.ambiguous.has(tag)) {
        const reason = `the tag points at ${found ?? 'nothing'} there, want ${expect ?? 'nothing'}: somebody else has moved it`
        return { tag, result: 'conflict', reason, ...seen }
      }
      touched.add(tag)
      if (to === undefined) tags.delete(tag)
      else tags.set(tag, to)
      return { tag, result: 'moved', ...seen }
    }),
  )
  const kept = index.entries.filter(({ name }) => name === undefined || !touched.has(tagOf(index, name)))
  const entries: LayoutEntry[] = [...kept]
  for (const tag of touched) {
    const to = tags.get(tag)
    if (to !== undefined) entries.push(entryOf(to, tag))
  }
  const listed = new Set(entries.flatMap(({ descriptor }) => descriptor?.digest ?? []))
  for (const root of changes.flatMap(({ roots }) => roots)) {
    if (listed.has(root.digest)) continue
    listed.add(root.digest)
    entries.push(entryOf(root, undefined))
  }
  const isChanged = touched.size > 0 || entries.length > kept.length
  const { manifests: _, ...rest } = index.document
  const document = {
    ...{ schemaVersion: 2, mediaType: MediaType.ociIndex },
    ...rest,
    manifests: entries.sort(byName).map(({ raw }) => raw),
  }
  return { document, outcomes, isChanged }
}

/** Names may be whole references that end with the tag. */
function tagOf(index: LayoutIndex, name: string): Tag {
  const tag = name as Tag
  return index.tags.has(tag) || !name.includes(':') ? tag : (name.slice(name.lastIndexOf(':') + 1) as Tag)
}

function entryOf({ mediaType, digest, size, artifactType }: Descriptor, tag: Tag | undefined): LayoutEntry {
  const annotations = tag === undefined ? {} : { annotations: { [REF_NAME]: tag } }
  const raw = { mediaType, digest, size, ...(artifactType === undefined ? {} : { artifactType }), ...annotations }
  return { raw, descriptor: raw, name: tag }
}

function byName(a: LayoutEntry, b: LayoutEntry): number {
  const [left, right] = [a, b].map(({ name, descriptor }): readonly [string, Digest | ''] => [
    // Without a name comes last.
    name ?? '\uffff',
    descriptor?.digest ?? '',
  ])
  if (left === undefined || right === undefined) return 0
  return compare(left[0], right[0]) || compare(left[1], right[1])
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
