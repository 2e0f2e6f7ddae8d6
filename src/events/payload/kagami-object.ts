/** The object `kagami` of every payload: what Docker Hub's fields have no place for. */
import type { KagamiObject } from '../../api/webhook-payload.ts'
import { clipped } from '../../lib/quoted.ts'
import { type DeliveredEvent, repositoryWord, tagWords } from './event.ts'
import type { DeliveryFacts } from './facts.ts'

/** Of a list or a text that an event holds: a run may have brought thousands of attestations. */
const MAX_ITEMS = 100
const MAX_TEXT = 1000
/** What is told by fields of their own. */
const TOLD = new Set(['repository', 'name', 'tag', 'from', 'to', 'runId'])

export function kagamiObject(event: DeliveredEvent, facts: DeliveryFacts): KagamiObject {
  const { tag, to = facts.to } = tagWords(event)
  return {
    schemaVersion: 1,
    eventId: event.id,
    seq: event.seq,
    kind: event.kind,
    at: event.at,
    actor: event.actor,
    organization: facts.organization,
    repository: facts.repository?.name ?? repositoryWord(event) ?? null,
    tag: tag ?? null,
    previousDigest: facts.from ?? null,
    digest: to ?? null,
    mediaType: facts.image?.mediaType ?? null,
    platforms: [...(facts.image?.platforms ?? [])],
    referrers: [...(facts.image?.referrers ?? [])],
    run: facts.run ?? null,
    tagsMovedWith: [...facts.movedWith.tags],
    tagsMovedWithTotal: facts.movedWith.total,
    changes: {
      state: facts.metadata.size > 0 ? 'told' : facts.leftOut === undefined ? 'none' : 'left-out',
      reason: facts.leftOut ?? null,
    },
    details: detailsOf({ ...event.payload, ...facts.details }),
  }
}

function detailsOf(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(payload)
      .filter(([name, value]) => !TOLD.has(name) && value !== undefined)
      .map(([name, value]) => [name, bounded(value)]),
  )
}

function bounded(value: unknown): unknown {
  if (typeof value === 'string') return clipped(value, MAX_TEXT)
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(bounded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ITEMS)
      .map(([name, item]) => [name, bounded(item)]),
  )
}
