/** Which referrer lists a pass asks for, and what they said. */
import type { Descriptor } from '../../oci/descriptor.ts'
import { type Digest, encodedOf } from '../../oci/digest.ts'
import { referrersTag } from '../../oci/reference.ts'
import type { Abortable, LeftOut } from '../../oci/repository.ts'
import type { Origin } from './known.ts'
import type { WalkOptions } from './readers.ts'
import { PREDICATE_ANNOTATIONS } from './select.ts'

/** Of real ones a tenth. */
const MAX_TYPE_LENGTH = 1000
const DAY_MS = 24 * 60 * 60 * 1000

/** One list as it was answered in this pass. */
export interface SubjectList {
  readonly origin: Origin
  readonly subject: Digest
  readonly version: string | undefined
  readonly items: readonly Digest[]
  /** What the list names and cannot be had. */
  readonly leftOut: readonly LeftOut[]
}

export interface SubjectLists {
  /**
   * The referrers of a manifest, from all registries that this mirror reads, by digest.
   * An attached manifest (level 2 and deeper) is asked for when it was never listed, in a full pass, about once a day, and when
   * the tag list shows a fallback tag for it; otherwise our database answers.
   * @throws what the reader throws: on doubt there is no list
   */
  list(
    subject: Descriptor,
    isAttached: boolean,
  ): Promise<readonly { readonly descriptor: Descriptor; readonly origin: Origin }[]>
  readonly seen: readonly SubjectList[]
}

export function createSubjectLists(o: WalkOptions): SubjectLists {
  const { known, readers } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const seen: SubjectList[] = []
  const asked = new Map<string, Promise<readonly Descriptor[]>>()

  const knownReferrers = (subject: Digest): Descriptor[] =>
    (known.referrers.get(subject) ?? []).flatMap((digest) => known.manifests.get(digest)?.descriptor ?? [])

  function isDue(subject: Digest, origin: Origin): boolean {
    const before = known.lists[origin].get(subject)
    if (before === undefined || o.isFull || o.fallbackTags.has(referrersTag(subject))) return true
    return o.now.getTime() - Date.parse(before.listedAt) >= relistAfterMs(subject)
  }

  async function ask(subject: Descriptor, origin: Origin): Promise<readonly Descriptor[]> {
    const reader = readers[origin]
    if (reader === undefined) return []
    const version = o.isFull ? undefined : known.lists[origin].get(subject.digest)?.version
    const answer = await o.limiter.run(async () => {
      const list = await reader.listReferrers(subject, {
        ...abortable,
        ...(version === undefined ? {} : { known: version }),
      })
      if (list === 'unchanged') return { version, items: knownReferrers(subject.digest), leftOut: [] }
      const items: Descriptor[] = []
      // Annotations may be megabytes, and a pass has thousands of lists: what a manifest is, it says itself.
      for await (const item of list.items)
        items.push(o.selection?.referrers === undefined ? bare(item) : withTypes(item))
      return { version: list.version, items, leftOut: list.leftOut ?? [] }
    })
    seen.push({
      origin,
      subject: subject.digest,
      version: answer.version,
      items: answer.items.map((item) => item.digest),
      leftOut: answer.leftOut,
    })
    return answer.items
  }

  function listFrom(subject: Descriptor, origin: Origin, isAttached: boolean): Promise<readonly Descriptor[]> {
    const key = `${origin} ${subject.digest}`
    const running = asked.get(key)
    if (running !== undefined) return running
    if (isAttached && !isDue(subject.digest, origin)) return Promise.resolve(knownReferrers(subject.digest))
    const answer = ask(subject, origin)
    asked.set(key, answer)
    return answer
  }

  return {
    seen,
    async list(subject, isAttached) {
      const found = new Map<Digest, { descriptor: Descriptor; origin: Origin }>()
      const results = await Promise.allSettled(
        (['image', 'referrers'] as const)
          .filter((origin) => readers[origin] !== undefined)
          .map(async (origin) => {
            for (const descriptor of await listFrom(subject, origin, isAttached)) {
              if (!found.has(descriptor.digest)) found.set(descriptor.digest, { descriptor, origin })
            }
          }),
      )
      for (const result of results) if (result.status === 'rejected') throw result.reason
      return [...found.values()]
    },
  }
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

/** With what a selection chooses by, and nothing else. */
function withTypes(item: Descriptor): Descriptor {
  const { artifactType } = item
  const annotations = PREDICATE_ANNOTATIONS.flatMap((key) => {
    const type = item.annotations?.[key]
    return type === undefined || type.length > MAX_TYPE_LENGTH ? [] : [[key, type] as const]
  })
  const isShort = artifactType !== undefined && artifactType.length <= MAX_TYPE_LENGTH
  return { ...bare(item), ...(isShort ? { artifactType } : {}), annotations: Object.fromEntries(annotations) }
}

/** Half a day to a day, by the digest, so that a pass re-lists a share and not everything at once. */
function relistAfterMs(subject: Digest): number {
  const share = Number.parseInt(encodedOf(subject).slice(0, 8), 16) / 0x1_0000_0000
  return (DAY_MS / 2) * (1 + share)
}
