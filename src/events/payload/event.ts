/** An event of the log, as payloads are made of it. */
import type { Selectable } from 'kysely'
import type { EventRow } from '../../db/schema.ts'
import { type Digest, findDigest } from '../../oci/digest.ts'

export interface DeliveredEvent {
  readonly seq: number
  readonly id: string
  readonly kind: string
  readonly organizationId: string
  readonly repositoryId: string | null
  /** `user:<name>`, `mirror:<id>`, `subscription:<id>` or `system`. */
  readonly actor: string
  readonly at: string
  readonly payload: Readonly<Record<string, unknown>>
}

export function deliveredEvent(row: Selectable<EventRow>): DeliveredEvent {
  return {
    seq: row.seq,
    id: row.id,
    kind: row.kind,
    organizationId: row.organization_id,
    repositoryId: row.repository_id,
    actor: row.actor,
    at: row.at,
    payload: JSON.parse(row.payload) as Record<string, unknown>,
  }
}

/** Ends the first pass of a mirror: whoever is told of it is told the newest tag that they take, or none. */
export const SUMMARY = 'mirror.synced'

/** Kinds of which one event is told by tag, or of one tag here and of another there. */
const TOLD_BY_TAG: ReadonlySet<string> = new Set(['referrers.published', 'referrers.removed', SUMMARY])

/** True: its id alone does not say what is told; with the tag, it does. */
export function isToldByTag(kind: string): boolean {
  return TOLD_BY_TAG.has(kind)
}

/** What an event says of a tag or an image; each undefined where it says nothing of it. */
export interface TagWords {
  readonly tag: string | undefined
  readonly from: Digest | undefined
  readonly to: Digest | undefined
  readonly runId: string | undefined
}

export function tagWords({ payload }: Pick<DeliveredEvent, 'payload'>): TagWords {
  const text = (name: string) => (typeof payload[name] === 'string' ? payload[name] : undefined)
  const digest = (name: string) => findDigest(text(name) ?? '')
  return { tag: text('tag'), from: digest('from'), to: digest('to') ?? attestedImage(payload), runId: text('runId') }
}

/** What attestations were added to later: of a push its subject, of a mirror's pass the one root that is not an attestation itself. */
function attestedImage({ subject, roots, referrers }: DeliveredEvent['payload']): Digest | undefined {
  if (typeof subject === 'string') return findDigest(subject)
  if (!Array.isArray(roots) || !Array.isArray(referrers)) return undefined
  const added = new Set<unknown>(referrers)
  const [only, ...others] = roots.filter((root) => !added.has(root))
  return others.length === 0 && typeof only === 'string' ? findDigest(only) : undefined
}

/** The repository's name, also once it is gone. */
export function repositoryWord({ payload }: Pick<DeliveredEvent, 'payload'>): string | undefined {
  const name = payload.repository ?? payload.name
  return typeof name === 'string' && name.includes('/') ? name : undefined
}
