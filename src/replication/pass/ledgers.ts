/**
 * What the targets have, for all passes of this process that write to one: loaded for the digests in question, and written down behind
 * them. One ledger a target, for as long as a pass is under way: what one has brought, the next one mounts.
 */
import type { Database } from '../../db/engine/engine.ts'
import { forgetTargetContent, listTargetContent, recordTargetContent } from '../../db/replication/target-content.ts'
import type { TargetContentRow } from '../../db/schema.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import type { TargetMemory } from '../../oci/target-repository.ts'

/** Rows that wait to be written at most, and for how long. */
const MOST_WAITING = 500
const WRITE_AFTER_MS = 1_000

interface Ledger {
  users: number
  readonly content: Map<Digest, Map<RepositoryName, Seen>>
  /** What was read of the database, or is being read: whoever needs it waits for it. */
  readonly loaded: Map<Digest, Promise<void>>
}

interface Seen {
  readonly kind: 'manifest' | 'blob'
  readonly isCommitted: boolean
}

export interface RepositoryLedger {
  readonly memory: TargetMemory
  /** Loads what the target is known to have of these, in all its repositories. */
  load(digests: Iterable<Digest>): Promise<void>
  /** Forgets these of this repository, so that they are looked at anew. */
  forgetAll(digests: Iterable<Digest>): void
  /** What the target turned out not to have in this pass. */
  readonly missed: ReadonlySet<Digest>
  /** Writes down what was noted. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface Ledgers {
  /**
   * @param repository as the target names it
   * @param o.committedOnly the target mounts only what a manifest names
   */
  open(targetId: string, repository: RepositoryName, o: { readonly committedOnly: boolean }): RepositoryLedger
}

export function createLedgers(o: { readonly db: Database; readonly clock: Clock; readonly logger: Logger }): Ledgers {
  const { db, clock } = o
  const ledgers = new Map<string, Ledger>()
  /** By target, repository and digest; undefined: it is to be forgotten. */
  const waiting = new Map<string, { row: TargetContentRow; isGone: boolean }>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let writing: Promise<void> = Promise.resolve()

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing = writing.catch(() => {}).then(write)
    return writing
  }

  async function write(): Promise<void> {
    const taken = [...waiting]
    if (taken.length === 0) return
    waiting.clear()
    try {
      // Lost with the power, it is looked at anew.
      await db.stage(async (tx) => {
        const gone = taken.filter(([, { isGone }]) => isGone).map(([, { row }]) => row)
        for (const group of Map.groupBy(gone, (row) => JSON.stringify([row.target_id, row.repository])).values()) {
          const [first] = group
          const digests = group.map(({ digest }) => digest)
          if (first !== undefined) await forgetTargetContent(tx, first.target_id, first.repository, digests)
        }
        // In one order whoever writes, so that two servers do not wait for each other.
        const kept = taken.filter(([, { isGone }]) => !isGone).sort(([a], [b]) => (a < b ? -1 : 1))
        await recordTargetContent(
          tx,
          kept.map(([, { row }]) => row),
        )
      })
    } catch (error) {
      for (const [key, one] of taken) if (!waiting.has(key)) waiting.set(key, one)
      throw error
    }
  }

  function note(row: TargetContentRow, isGone: boolean): void {
    waiting.set(JSON.stringify([row.target_id, row.repository, row.digest]), { row, isGone })
    if (waiting.size >= MOST_WAITING) flushQuietly()
    else timer ??= setTimeout(flushQuietly, WRITE_AFTER_MS)
  }

  function flushQuietly(): void {
    flush().catch((error) => o.logger.warn({ err: error }, 'what targets have could not be written down'))
  }

  return {
    open(targetId, repository, { committedOnly }) {
      const ledger = ledgers.get(targetId) ?? { users: 0, content: new Map(), loaded: new Map() }
      ledgers.set(targetId, ledger)
      ledger.users++
      const { content, loaded } = ledger
      const missed = new Set<Digest>()
      const find = (digest: Digest) => content.get(digest)?.get(repository)

      function put(digest: Digest, kind: Seen['kind'], isCommitted: boolean): void {
        const places = content.get(digest) ?? new Map<RepositoryName, Seen>()
        const before = places.get(repository)
        if (before?.kind === kind && (before.isCommitted || !isCommitted)) return
        places.set(repository, { kind, isCommitted: isCommitted || before?.isCommitted === true })
        content.set(digest, places)
        const committed = isCommitted ? 1 : 0
        const seen_at = isoTime(clock.now())
        note({ target_id: targetId, repository, digest, kind, committed, seen_at }, false)
      }

      function forget(digest: Digest): void {
        const places = content.get(digest)
        const before = places?.get(repository)
        if (places === undefined || before === undefined) return
        places.delete(repository)
        const { kind } = before
        note({ target_id: targetId, repository, digest, kind, committed: 0, seen_at: '' }, true)
      }

      async function read(digests: readonly Digest[]): Promise<void> {
        // What is noted and not written yet is known here.
        for (const row of await listTargetContent(db.read, targetId, digests)) {
          const digest = row.digest as Digest
          const places = content.get(digest) ?? new Map<RepositoryName, Seen>()
          content.set(digest, places)
          const place = row.repository as RepositoryName
          // What was noted meanwhile is newer.
          if (!places.has(place)) places.set(place, { kind: row.kind, isCommitted: row.committed === 1 })
        }
      }

      return {
        memory: {
          hasManifest: (digest) => find(digest)?.kind === 'manifest',
          hasBlob: (digest) => find(digest)?.kind === 'blob',
          mountsOf(blob) {
            const places = [...(content.get(blob) ?? [])].filter(
              ([name, { kind, isCommitted }]) =>
                kind === 'blob' && name !== repository && (isCommitted || !committedOnly),
            )
            return places.sort(([, a], [, b]) => Number(b.isCommitted) - Number(a.isCommitted)).map(([name]) => name)
          },
          noteBlob: (digest) => put(digest, 'blob', false),
          noteManifest(digest, blobs) {
            put(digest, 'manifest', true)
            for (const blob of blobs) put(blob, 'blob', true)
          },
          forget(digest) {
            missed.add(digest)
            forget(digest)
          },
        },
        missed,
        async load(digests) {
          const wanted = new Set(digests)
          const unknown = [...wanted].filter((digest) => !loaded.has(digest))
          const reading = read(unknown).catch((error) => {
            for (const digest of unknown) loaded.delete(digest)
            throw error
          })
          for (const digest of unknown) loaded.set(digest, reading)
          await Promise.all(new Set([reading, ...[...wanted].flatMap((digest) => loaded.get(digest) ?? [])]))
        },
        forgetAll(digests) {
          for (const digest of digests) forget(digest)
        },
        flush,
        async close() {
          try {
            // Until it is written down, only this ledger knows it: who comes now shares it.
            await flush()
          } finally {
            ledger.users--
            if (ledger.users === 0) ledgers.delete(targetId)
          }
        },
      }
    },
  }
}

/** The same for a look at what would be done: what it forgets, and learns, it keeps to itself. */
export function dryLedger(ledger: RepositoryLedger): RepositoryLedger {
  const forgotten = new Set<Digest>()
  const { memory } = ledger
  return {
    ...ledger,
    memory: {
      ...memory,
      hasManifest: (digest) => !forgotten.has(digest) && memory.hasManifest(digest),
      hasBlob: (digest) => !forgotten.has(digest) && memory.hasBlob(digest),
    },
    forgetAll(digests) {
      for (const digest of digests) forgotten.add(digest)
    },
  }
}
