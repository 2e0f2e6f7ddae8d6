/** Which tags a pass has to do with, before the target is asked: what is selected here, and what is not there as far as we know. */
import type { Selection } from '../../api/selection.ts'
import type { ReplicationTagRow } from '../../db/schema.ts'
import { limitsImages, selectTags } from '../../mirror/pass/select.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseDigestTag, type Tag } from '../../oci/reference.ts'
import { type Belongings, belongingsOf, type LocalGraph } from './graph.ts'

/** A digest with the tags that name it, and all that belongs to it. */
export interface Unit {
  readonly digest: Digest
  /** Tags of images; of one that hangs on nothing that is selected, the digest tag itself. */
  readonly tags: readonly Tag[]
  readonly belongings: Belongings
}

export interface Survey {
  readonly units: readonly Unit[]
  /** Those that the target may lack something of. */
  readonly changed: readonly Unit[]
  /** Tags that are left out, each with the rule. */
  readonly leftOut: ReadonlyMap<Tag, string>
  /** Tags that we knew and that are gone here. */
  readonly gone: readonly ReplicationTagRow[]
  /** Tags that were asked for by name and that nobody has. */
  readonly unlisted: readonly Tag[]
}

/**
 * @param o.refuseOld why an image is too old to be taken
 * @param o.isWhole everything is looked at anew
 */
export async function takeSurvey(o: {
  readonly graph: LocalGraph
  readonly rows: ReadonlyMap<string, ReplicationTagRow>
  readonly selection: Selection | undefined
  readonly only: ReadonlySet<Tag> | undefined
  readonly isWhole: boolean
  refuseOld(digest: Digest): Promise<string | undefined>
}): Promise<Survey> {
  const { graph, rows, selection = {}, only } = o
  const text = JSON.stringify(o.selection ?? null)
  const isNamed = (tag: Tag) => only === undefined || only.has(tag)
  const names = [...graph.tags.keys()].filter((tag) => parseDigestTag(tag) === undefined)
  const leftOut = await selectTags(names, selection)
  const images = new Map<Digest, Tag[]>()
  for (const tag of names) {
    const digest = graph.tags.get(tag)
    if (digest === undefined || leftOut.has(tag)) continue
    const rule = selection.newerThan === undefined ? undefined : await o.refuseOld(digest)
    if (rule !== undefined) leftOut.set(tag, rule)
    else images.set(digest, [...(images.get(digest) ?? []), tag])
  }
  const units: Unit[] = []
  const attached = new Set<Tag>()
  for (const [digest, tags] of images) {
    const belongings = belongingsOf(graph, digest, text)
    for (const tag of belongings.tags) attached.add(tag)
    const named = tags.filter(isNamed)
    if (named.length > 0) units.push({ digest, tags: named, belongings })
  }
  for (const [tag, digest] of graph.tags) {
    const { subject, suffix } = parseDigestTag(tag) ?? {}
    if (subject === undefined || suffix === undefined || attached.has(tag)) continue
    if (limitsImages(selection)) leftOut.set(tag, 'not selected: hangs on nothing that is taken now')
    else if (isNamed(tag)) units.push({ digest, tags: [tag], belongings: belongingsOf(graph, digest, text) })
  }
  const gone = only === undefined ? [...rows.values()].filter(({ tag }) => !graph.tags.has(tag as Tag)) : []
  const unlisted = [...(only ?? [])].filter((tag) => !graph.tags.has(tag))
  const isInStep = (unit: Unit) =>
    [...unit.tags, ...unit.belongings.tags].every((tag) => isSettled(rows.get(tag), graph.tags.get(tag))) &&
    unit.tags.every((tag) => rows.get(tag)?.content === unit.belongings.content)
  return { units, changed: o.isWhole ? units : units.filter((unit) => !isInStep(unit)), leftOut, gone, unlisted }
}

/** There as it is here, or told why not: what changes that is a change here, or somebody who looks there. */
function isSettled(row: ReplicationTagRow | undefined, local: Digest | undefined): boolean {
  if (row === undefined || row.local_digest !== local) return false
  if (row.state === 'synced') return row.synced_digest === local
  return row.state === 'diverged' || row.state === 'immutable'
}
