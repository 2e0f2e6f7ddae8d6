/** Tags that are sent on only once the receiver of a webhook has said that they may be. */
import type { Queries } from '../../db/engine/engine.ts'
import { findAfterWebhook, findTold, type Told } from '../../db/replication/after.ts'
import type { ReplicationTagRow } from '../../db/schema.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'

export type Held =
  | { readonly state: 'waiting'; readonly reason: string }
  | { readonly state: 'failed'; readonly reason: string }

/**
 * Of these tags those that may not be sent yet, and why. One that is at the target already has been let through.
 * @param o.after name of the webhook; undefined: nothing waits
 */
export async function findHeld(
  db: Queries,
  o: {
    readonly after: string | undefined
    readonly organizationId: string
    readonly repositoryId: string
    readonly tags: readonly { readonly tag: Tag; readonly digest: Digest }[]
    readonly rows: ReadonlyMap<string, ReplicationTagRow>
  },
): Promise<Map<Tag, Held>> {
  const held = new Map<Tag, Held>()
  const { after, repositoryId } = o
  if (after === undefined) return held
  const webhookId = await findAfterWebhook(db, o, after)
  for (const { tag, digest } of o.tags) {
    if (o.rows.get(tag)?.synced_digest === digest) continue
    const told = webhookId && (await findTold(db, { webhookId, repositoryId, tag, digest }))
    const verdict =
      webhookId === undefined ? { state: 'waiting' as const, reason: goneReason(after) } : judge(told, after)
    if (verdict !== undefined) held.set(tag, verdict)
  }
  return held
}

function judge(told: Told | '' | undefined, after: string): Held | undefined {
  if (told === undefined || told === '') {
    return { state: 'waiting', reason: `the webhook ${after} has not been told of it: push the tag again` }
  }
  const words = told.words === null ? '' : `: ${told.words}`
  if (told.state === 'success') return undefined
  if (told.state !== null) return { state: 'failed', reason: `the receiver of ${after} said ${told.state}${words}` }
  if (told.status === 'dead') {
    return { state: 'failed', reason: `${after} could not be told of it: ${told.error ?? 'it failed'}` }
  }
  return { state: 'waiting', reason: `waits for the callback of ${after}` }
}

/** Why everything that is to be sent waits. */
export function goneReason(name: string): string {
  return `there is no webhook ${name}, whose callback it waits for: make it again, or wait for none`
}
