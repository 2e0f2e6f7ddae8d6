/** The log as it grows, whichever server writes it, as a webhook would tell it. */
import type { ToldEvent } from '../api/told-events.ts'
import type { PayloadFormat } from '../api/webhook-payload.ts'
import { findNewestTag } from '../db/content/tags.ts'
import type { Database } from '../db/engine/engine.ts'
import { lastSeq, listEventsOf } from '../db/platform/followed-events.ts'
import { type Sleep, systemSleep } from '../lib/retry.ts'
import { compileTagGlobs } from '../oci/tag-globs.ts'
import { type DeliveredEvent, deliveredEvent, repositoryWord, SUMMARY, tagWords } from './payload/event.ts'
import type { FactsLoader } from './payload/load-facts.ts'
import { renderDelivery } from './payload/render.ts'

export interface FollowOptions {
  readonly scope: { readonly organizationId: string; readonly repositoryId?: string | undefined }
  readonly format: PayloadFormat
  /** Undefined: all. */
  readonly events: readonly string[] | undefined
  /** Globs, `!` before one that leaves out. Undefined or empty: all, and what is about no tag. */
  readonly tags: readonly string[] | undefined
  /** The place in the log that was seen last. */
  readonly after: number
  readonly publicUrl: string
  readonly signal: AbortSignal
}

interface Deps {
  readonly db: Database
  readonly facts: FactsLoader
  readonly sleep?: Sleep
}

/** How late an event may be seen, in milliseconds: servers on one database do not call each other. */
const POLL_MS = 400
const PAGE = 100

/** Ends when the signal aborts, by its error. */
export async function* followEvents(
  { db, facts, sleep = systemSleep }: Deps,
  o: FollowOptions,
): AsyncGenerator<ToldEvent> {
  const isTag = compileTagGlobs(o.tags ?? [])
  const isWanted = filterOf(o, isTag)
  let after = o.after
  for (;;) {
    const upTo = await lastSeq(db.read)
    const rows = after >= upTo ? [] : await listEventsOf(db.read, o.scope, { after, upTo, limit: PAGE })
    for (const row of rows) {
      const event = await withTag(deliveredEvent(row))
      if (isWanted(event)) yield await tell(event)
    }
    after = rows.length < PAGE ? Math.max(after, upTo) : (rows.at(-1)?.seq ?? upTo)
    if (rows.length < PAGE) await sleep(POLL_MS, o.signal)
  }

  /** The first pass of a mirror is told with a tag that is wanted, as to webhooks. */
  async function withTag(event: DeliveredEvent): Promise<DeliveredEvent> {
    if (event.kind !== SUMMARY || event.repositoryId === null) return event
    const newest = await findNewestTag(db.read, event.repositoryId, isTag)
    return newest === undefined ? event : { ...event, payload: { ...event.payload, tag: newest.name } }
  }

  async function tell(event: DeliveredEvent): Promise<ToldEvent> {
    const found = await facts.load(event, { publicUrl: o.publicUrl })
    return {
      seq: event.seq,
      eventId: event.id,
      kind: event.kind,
      at: event.at,
      repository: found.repository?.name ?? repositoryWord(event) ?? null,
      tag: tagWords(event).tag ?? null,
      ...renderDelivery(event, found, o.format),
    }
  }
}

function filterOf(
  o: Pick<FollowOptions, 'events' | 'tags'>,
  isTag: (tag: string) => boolean,
): (event: DeliveredEvent) => boolean {
  const kinds = o.events === undefined ? undefined : new Set(o.events)
  const hasTags = o.tags !== undefined && o.tags.length > 0
  return (event) => {
    if (kinds !== undefined && !kinds.has(event.kind)) return false
    const { tag } = tagWords(event)
    return !hasTags || (tag !== undefined && isTag(tag))
  }
}
