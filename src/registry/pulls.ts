/**
 * What clients fetch: counted here at each request, and written together every few seconds, so that no pull waits for a count. Several
 * processes add to the same rows. What was not yet written when the process dies is lost.
 */
import { addPulled, type Pulled } from '../db/content/pulls.ts'
import type { Database } from '../db/engine/engine.ts'
import { detached } from '../db/engine/watch.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import type { Tag } from '../oci/reference.ts'

export interface Pulls {
  /**
   * A manifest was asked for. A client that pulls an image of several platforms asks for the list (by HEAD, GET, or both), then for the image:
   * that is one pull, of what is no list. All else is a check. Of a tag each request by its name counts, HEAD too: Docker and containerd
   * name it by HEAD alone.
   */
  noteManifest(
    repositoryId: string,
    manifest: { readonly digest: Digest; readonly mediaType: string },
    o: { readonly tag: Tag | undefined; readonly isLook: boolean; readonly bytes: number },
  ): void
  /** Bytes of a blob begin to go out. */
  noteBytes(repositoryId: string, bytes: number): void
  /** Writes what was counted so far. Never throws: what could not be written is tried again with the next. */
  flush(): Promise<void>
  /** Writes the rest. */
  close(): Promise<void>
}

/** Of one repository. */
interface Counted {
  pulls: number
  checks: number
  bytes: number
  lastPulledAt: number | undefined
  readonly tags: Map<Tag, { times: number; lastAt: number }>
  readonly digests: Map<Digest, number>
}

export const PULLS_EVERY_MS = 5000
/** Repositories, tags and digests that wait in all; beyond it what is new goes uncounted until they are written. */
const MAX_WAITING = 20_000

export function createPulls(db: Database, clock: Clock, maxWaiting = MAX_WAITING, everyMs = PULLS_EVERY_MS): Pulls {
  let waiting = new Map<string, Counted>()
  let size = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = Promise.resolve()
  let isClosed = false

  /** Whether there is room for one more. */
  function hasRoom(): boolean {
    if (size < maxWaiting) {
      size++
      return true
    }
    return false
  }

  function find(repositoryId: string): Counted | undefined {
    const known = waiting.get(repositoryId)
    if (known !== undefined || !hasRoom()) return known
    const counted = newCounts()
    waiting.set(repositoryId, counted)
    arm()
    return counted
  }

  /** Wherever something waits; not once it is closed, when the database is too. */
  function arm(): void {
    if (isClosed) return
    timer ??= detached(() => {
      const made = setTimeout(() => void flush(), everyMs)
      made.unref()
      return made
    })
  }

  async function write(): Promise<void> {
    const taken = waiting
    const before = size
    waiting = new Map()
    size = 0
    if (taken.size === 0) return
    const rows = [...taken].map(([repositoryId, counted]) => rowOf(repositoryId, counted))
    const at = isoTime(clock.now())
    // Nobody is told of it, and it may be lost.
    await db.stage((tx) => addPulled(tx, rows, at)).catch(() => putBack(taken, before))
  }

  /** A full disk may have room again. */
  function putBack(taken: ReadonlyMap<string, Counted>, before: number): void {
    for (const [repositoryId, counted] of taken) {
      const newer = waiting.get(repositoryId)
      if (newer !== undefined) addTo(counted, newer)
      waiting.delete(repositoryId)
    }
    waiting = new Map([...taken, ...waiting])
    size += before
    arm()
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    running = detached(() => running.then(write))
    return running
  }

  return {
    noteManifest(repositoryId, { digest, mediaType }, { tag, isLook, bytes }) {
      const counted = find(repositoryId)
      if (counted === undefined) return
      const now = clock.now().getTime()
      counted.bytes += bytes
      if (tag !== undefined) {
        const asked = counted.tags.get(tag)
        if (asked !== undefined) {
          asked.times++
          asked.lastAt = now
        } else if (hasRoom()) counted.tags.set(tag, { times: 1, lastAt: now })
      }
      if (isLook || LISTS.has(mediaType)) counted.checks++
      else {
        counted.pulls++
        counted.lastPulledAt = now
      }
      if (!isLook && (counted.digests.has(digest) || hasRoom())) counted.digests.set(digest, now)
    },
    noteBytes(repositoryId, bytes) {
      const counted = find(repositoryId)
      if (counted !== undefined) counted.bytes += bytes
    },
    flush,
    async close() {
      isClosed = true
      await flush()
    },
  }
}

const LISTS: ReadonlySet<string> = new Set([MediaType.ociIndex, MediaType.dockerList])

function newCounts(): Counted {
  return { pulls: 0, checks: 0, bytes: 0, lastPulledAt: undefined, tags: new Map(), digests: new Map() }
}

/** @param newer is of later */
function addTo(counted: Counted, newer: Counted): void {
  counted.pulls += newer.pulls
  counted.checks += newer.checks
  counted.bytes += newer.bytes
  counted.lastPulledAt = newer.lastPulledAt ?? counted.lastPulledAt
  for (const [tag, { times, lastAt }] of newer.tags) {
    counted.tags.set(tag, { times: (counted.tags.get(tag)?.times ?? 0) + times, lastAt })
  }
  for (const [digest, at] of newer.digests) counted.digests.set(digest, at)
}

function rowOf(repositoryId: string, counted: Counted): Pulled {
  const { pulls, checks, bytes, lastPulledAt } = counted
  const timeOf = (ms: number) => isoTime(new Date(ms))
  return {
    repositoryId,
    pulls,
    checks,
    bytes,
    lastPulledAt: lastPulledAt === undefined ? null : timeOf(lastPulledAt),
    tags: [...counted.tags].map(([tag, { times, lastAt }]) => ({ tag, times, lastAt: timeOf(lastAt) })),
    digests: [...counted.digests].map(([digest, lastAt]) => ({ digest, lastAt: timeOf(lastAt) })),
  }
}
