/** The log as it grows, whichever server writes it, as a webhook would tell it. */
import type { ToldEvent } from '../api/told-events.ts'
import type { PayloadFormat } from '../api/webhook-payload.ts'
import type { Database } from '../db/engine/engine.ts'
import { lastSeq, listEventsOf } from '../db/platform/followed-events.ts'
import { compileGlob } from '../lib/glob.ts'
import { type Sleep, systemSleep } from '../lib/retry.ts'
import { type DeliveredEvent, deliveredEvent, repositoryWord, tagWords } from './payload/event.ts'
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
  const isWanted = filterOf(o)
  let after = o.after
  for (;;) {
    const upTo = await lastSeq(db.read)
    const rows = after >= upTo ? [] : await listEventsOf(db.read, o.scope, { after, upTo, limit: PAGE })
    for (const event of rows.map(deliveredEvent)) {
      if (isWanted(event)) yield await tell(event)
    }
    after = rows.length < PAGE ? Math.max(after, upTo) : (rows.at(-1)?.seq ?? upTo)
    if (rows.length < PAGE) await sleep(POLL_MS, o.signal)
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

function filterOf(o: Pick<FollowOptions, 'events' | 'tags'>): (event: DeliveredEvent) => boolean {
  const kinds = o.events === undefined ? undefined : new Set(o.events)
  const globs = (o.tags ?? []).filter((glob) => !glob.startsWith('!')).map(compileGlob)
  const except = (o.tags ?? []).filter((glob) => glob.startsWith('!')).map((glob) => compileGlob(glob.slice(1)))
  const isTagWanted = (tag: string) =>
    (globs.length === 0 || globs.some((isMatch) => isMatch(tag))) && !except.some((isMatch) => isMatch(tag))
  return (event) => {
    if (kinds !== undefined && !kinds.has(event.kind)) return false
    if (globs.length + except.length === 0) return true
    const { tag } = tagWords(event)
    return tag !== undefined && isTagWanted(tag)
  }
}
