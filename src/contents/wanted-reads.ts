/** From an event of the log to the manifests that are to be read: what a tag points to, and what attestations came to or went from. Pure. */
import type { Selectable } from 'kysely'
import type { WantedRead } from '../db/content/image-reads.ts'
import type { EventRow } from '../db/schema.ts'
import { type Digest, findDigest } from '../oci/digest.ts'

/** cosign keeps what belongs to a manifest under a tag that is named after it. */
const COSIGN_TAG = /^(sha256|sha512)-([0-9a-f]{64,128})\.(?:sig|att|sbom)$/
const MAX_DIGESTS = 1000

/** The manifest that a tag of cosign belongs to; undefined: it is no such tag. */
export function subjectOfTag(tag: string): Digest | undefined {
  const [, algorithm, hex] = COSIGN_TAG.exec(tag) ?? []
  return algorithm === undefined ? undefined : findDigest(`${algorithm}:${hex}`)
}

export function wantedBy(events: readonly Selectable<EventRow>[]): WantedRead[] {
  return events.flatMap((event) => {
    const { repository_id: repositoryId, organization_id: organizationId } = event
    if (repositoryId === null) return []
    return digestsOf(event).map((digest) => ({ organizationId, repositoryId, digest }))
  })
}

function digestsOf({ kind, payload }: Pick<EventRow, 'kind' | 'payload'>): Digest[] {
  const told = JSON.parse(payload) as {
    readonly tag?: string
    readonly to?: string | null
    readonly subject?: string
    readonly roots?: readonly string[]
    readonly referrers?: readonly { readonly subject?: string }[]
  }
  switch (kind) {
    case 'tag.moved':
    case 'tag.pushed':
    case 'tag.restored':
    case 'tag.removed':
      return found([subjectOfTag(told.tag ?? '') ?? told.to])
    case 'referrers.published':
      return found([told.subject, ...(told.roots ?? [])])
    case 'referrers.removed':
      return found((told.referrers ?? []).map(({ subject }) => subject))
    default:
      return []
  }
}

function found(texts: readonly (string | null | undefined)[]): Digest[] {
  const digests = texts.flatMap((text) => (typeof text === 'string' ? (findDigest(text) ?? []) : []))
  return [...new Set(digests)].slice(0, MAX_DIGESTS)
}
