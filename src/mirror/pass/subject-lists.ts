/** Which referrer lists a pass asks for, and what they said. */
import type { Descriptor } from '../../oci/descriptor.ts'
import { type Digest, encodedOf } from '../../oci/digest.ts'
import { referrersTag } from '../../oci/reference.ts'
import type { Abortable, LeftOut } from '../../oci/repository.ts'
import { during } from './current.ts'
import { dueLists } from './due-lists.ts'
import type { KnownList, Origin } from './known.ts'
import { type Problem, problemOf } from './problem.ts'
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
  /** The answer named all of them itself; false: it said that nothing has changed. */
  readonly isTold: boolean
  readonly isByApi: boolean
  /** What the list names and cannot be had. */
  readonly leftOut: readonly LeftOut[]
}

export interface ReferrersSeen {
  readonly items: readonly { readonly descriptor: Descriptor; readonly origin: Origin }[]
  /** Why there may be more: a list could not be read. */
  readonly problem: Problem | undefined
}

export interface SubjectLists {
  /** Decides which lists of these images (and of what they list) this pass asks for: those of old digests in turn. */
  choose(images: readonly Digest[]): void
  /** When the list of a subject was last asked for, where this pass goes by what is known of it. */
  readonly spared: ReadonlyMap<Digest, string>
  /**
   * The referrers of a manifest, from all registries that this mirror reads, by digest. Of a list that cannot be read, those that are
   * known here.
   * An attached manifest (level 2 and deeper) is asked for when it was never listed, in a full pass, about once a day, and when
   * the tag list shows a fallback tag for it; otherwise our database answers.
   * @throws AppError CANCELLED
   */
  list(subject: Descriptor, isAttached: boolean): Promise<ReferrersSeen>
  readonly seen: readonly SubjectList[]
}

export function createSubjectLists(o: WalkOptions): SubjectLists {
  const { known, readers } = o
  const abortable: Abortable = o.signal === undefined ? {} : { signal: o.signal }
  const seen: SubjectList[] = []
  const asked = new Map<string, Promise<readonly Descriptor[]>>()
  const spared = new Map<Digest, string>()
  /** Lists of images that are not asked for in this pass. */
  const notDue = { image: new Set<Digest>(), referrers: new Set<Digest>() }

  /** A subject whose list an API has answered before, from each source. */
  const listedByApi = { image: findByApi(known.lists.image), referrers: findByApi(known.lists.referrers) }

  const knownReferrers = (subject: Digest): Descriptor[] =>
    (known.referrers.get(subject) ?? []).flatMap((digest) => known.manifests.get(digest)?.descriptor ?? [])

  /** What is asked for in turn: images, what they list, and what hangs on them where a fallback tag tells that more hangs on it. */
  function subjectsOf(images: readonly Digest[]): Set<Digest> {
    const parts = new Set<Digest>(images)
    for (const digest of parts) {
      for (const child of known.manifests.get(digest)?.children ?? []) parts.add(child.digest)
    }
    const attached = new Set(parts)
    for (const digest of attached) for (const referrer of known.referrers.get(digest) ?? []) attached.add(referrer)
    for (const digest of attached) if (o.fallbackTags.has(referrersTag(digest))) parts.add(digest)
    return parts
  }

  /** A fallback tag that is new tells by itself that there is a list. */
  function isToldByTag(subject: Digest): boolean {
    return o.fallbackTags.has(referrersTag(subject)) && !known.referrers.has(subject)
  }

  function isDue(subject: Digest, origin: Origin, isAttached: boolean): boolean {
    if (notDue[origin].has(subject)) return false
    const before = known.lists[origin].get(subject)
    if (!isAttached || before === undefined || o.isFull || o.fallbackTags.has(referrersTag(subject))) return true
    return o.now.getTime() - Date.parse(before.listedAt) >= relistAfterMs(subject)
  }

  async function ask(subject: Descriptor, origin: Origin): Promise<readonly Descriptor[]> {
    const reader = readers[origin]
    if (reader === undefined) return []
    // Of two sources each has to tell what it lists: what is here does not tell whose it is.
    const isToTell = o.isFull || (o.policy.isUntagging && readers.referrers !== undefined)
    const before = known.lists[origin].get(subject.digest)
    const version = isToTell ? undefined : before?.version
    const listed = o.isFull ? undefined : listedByApi[origin]
    const read = async () => {
      const list = await reader.listReferrers(subject, {
        ...abortable,
        ...(version === undefined ? {} : { known: version }),
        ...(listed === undefined ? {} : { listed }),
      })
      if (list === 'unchanged') {
        const items = knownReferrers(subject.digest).filter(({ digest }) => !known.unlisted.has(digest))
        return { version, items, leftOut: [], isTold: false, isByApi: before?.isByApi === true }
      }
      const items: Descriptor[] = []
      // Annotations may be megabytes, and a pass has thousands of lists: what a manifest is, it says itself.
      for await (const item of list.items)
        items.push(o.selection?.referrers === undefined ? bare(item) : withTypes(item))
      return { version: list.version, items, leftOut: list.leftOut ?? [], isTold: true, isByApi: list.isByApi === true }
    }
    const doing = { doing: 'listing-attestations', digest: subject.digest } as const
    const answer = await o.limiter.run(() => during(o.begin, doing, read))
    seen.push({
      origin,
      subject: subject.digest,
      version: answer.version,
      items: answer.items.map((item) => item.digest),
      isTold: answer.isTold,
      isByApi: answer.isByApi,
      leftOut: answer.leftOut,
    })
    return answer.items
  }

  function listFrom(subject: Descriptor, origin: Origin, isAttached: boolean): Promise<readonly Descriptor[]> {
    const key = `${origin} ${subject.digest}`
    const running = asked.get(key)
    if (running !== undefined) return running
    if (!isDue(subject.digest, origin, isAttached)) {
      if (notDue[origin].has(subject.digest)) spare(subject.digest, origin)
      return Promise.resolve(knownReferrers(subject.digest))
    }
    const answer = ask(subject, origin)
    asked.set(key, answer)
    return answer
  }

  function spare(subject: Digest, origin: Origin): void {
    const { listedAt } = known.lists[origin].get(subject) ?? {}
    const other = spared.get(subject)
    if (listedAt !== undefined && (other === undefined || listedAt < other)) spared.set(subject, listedAt)
  }

  return {
    seen,
    spared,
    choose(images) {
      // Whoever names tags, accepts what is listed, or wants it all anew, is answered by upstream itself.
      if (o.isFull || o.only !== undefined || o.policy.isShrinkAccepted) return
      const subjects = subjectsOf(images)
      const dueOf = (origin: Origin) => {
        const lists = new Map([...subjects].map((subject) => [subject, known.lists[origin].get(subject)]))
        return dueLists({ subjects: lists, recheckMs: o.policy.recheckMs, nextPassMs: o.nextPassMs, now: o.now })
      }
      const due = { image: dueOf('image'), referrers: dueOf('referrers') }
      // What one source does not list may be the other's: they are asked together where something may go.
      const isTogether = o.policy.isUntagging && readers.referrers !== undefined
      for (const origin of ['image', 'referrers'] as const) {
        for (const subject of subjects) {
          const isDueNow = isTogether ? due.image.has(subject) || due.referrers.has(subject) : due[origin].has(subject)
          if (!isDueNow && !isToldByTag(subject)) notDue[origin].add(subject)
        }
      }
    },
    async list(subject, isAttached) {
      const found = new Map<Digest, { descriptor: Descriptor; origin: Origin }>()
      const origins = (['image', 'referrers'] as const).filter((origin) => readers[origin] !== undefined)
      const lists = await Promise.allSettled(origins.map((origin) => listFrom(subject, origin, isAttached)))
      let problem: Problem | undefined
      for (const [i, list] of lists.entries()) {
        const origin = origins[i] ?? 'image'
        if (list.status === 'rejected') problem ??= { ...problemOf(list.reason), isOfReferrers: true }
        const items = list.status === 'rejected' ? knownReferrers(subject.digest) : list.value
        for (const descriptor of items) {
          if (!found.has(descriptor.digest)) found.set(descriptor.digest, { descriptor, origin })
        }
      }
      return { items: [...found.values()], problem }
    },
  }
}

function findByApi(lists: ReadonlyMap<Digest, KnownList>): Digest | undefined {
  for (const [subject, { isByApi }] of lists) if (isByApi) return subject
  return undefined
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
