/** From rows to the shapes of the management API. */
import { mirrorSettingsSchema } from '../../api/mirror-settings.ts'
import type { Subscription, SubscriptionEntry, SubscriptionEntryState } from '../../api/subscriptions.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { countEntries, type EntryCounts, type EntryRecord, listEntries } from '../../db/mirrors/subscription-entries.ts'
import type { SubscriptionRecord } from '../../db/mirrors/subscriptions.ts'
import { selectionOf } from './selection.ts'
import { remedyOf } from './standing.ts'

/** Entries of a kind that a subscription shows with their reason; there may be more, as its counts tell. */
const SHOWN = 20

const REASONS: Partial<Readonly<Record<SubscriptionEntryState, string>>> = {
  stopped: 'people stopped its mirror: it is not started again by itself',
  removed: 'people removed its mirror, or gave it another source: it is not made again by itself',
  unmatched: 'the globs take it no more: its mirror stays, and is subscribed no more',
}

export function renderEntry({ source, state, listed, mirror, code, reason }: EntryRecord): SubscriptionEntry {
  return { repository: source, state, listed: listed === 1, mirror, code, reason: reason ?? REASONS[state] ?? null }
}

/** How many mirrors it keeps. */
export function countMirrors({ initial, active, degraded, paused }: EntryCounts): number {
  return initial + active + degraded + paused
}

export async function renderSubscription(db: Queries, row: SubscriptionRecord): Promise<Subscription> {
  const counts = await countEntries(db, row.id)
  const first = async (...states: SubscriptionEntryState[]) => {
    const entries: EntryRecord[] = []
    for (const state of states) {
      if (counts[state] > 0) entries.push(...(await listEntries(db, row.id, { state, limit: SHOWN })))
    }
    return entries.slice(0, SHOWN).map(renderEntry)
  }
  const { match, except, repositories } = selectionOf(row)
  return {
    id: row.id,
    organization: row.organization,
    upstream: row.upstream,
    match: [...match],
    except: [...except],
    repositories: repositories === null ? null : [...repositories],
    adopt: row.adopt === 1,
    settings: mirrorSettingsSchema.parse(JSON.parse(row.settings)),
    mirrors: countMirrors(counts),
    state: row.state,
    cause: row.state === 'stopped' ? null : row.cause,
    reason: row.reason,
    since: row.since,
    remedy: remedyOf(row),
    entries: counts,
    failures: await first('failed'),
    left: await first('stopped', 'removed'),
    unmatched: await first('unmatched'),
    changing: row.pending !== null,
    listed: row.listed,
    readAt: row.read_at,
    nextReadAt: row.next_read_at,
    createdAt: row.created_at,
  }
}
