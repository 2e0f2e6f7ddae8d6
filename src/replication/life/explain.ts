/** Why tags are, or are not, at the target: what the last pass saw, and what happens next. Nobody is asked. */
import type { ReplicationTagExplanation } from '../../api/replications.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { isReplicationResting } from '../../db/replication/life.ts'
import { findServedTag } from '../../db/replication/local-content.ts'
import type { ReplicationRecord } from '../../db/replication/replications.ts'
import { findReplicationTag, listReplicationTagsOut } from '../../db/replication/tags.ts'
import type { ReplicationTagRow } from '../../db/schema.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Replications } from '../engine.ts'
import { REPLICATION_KIND } from './replication-kind.ts'
import { fullSettings } from './settings.ts'

/** @throws nothing of its own */
export async function explainReplication(
  db: Queries,
  replication: ReplicationRecord,
  o: Parameters<Replications['explain']>[1],
): ReturnType<Replications['explain']> {
  const isResting = await isReplicationResting(db, replication.id)
  const next = nextOf(replication, isResting)
  if (o.tags !== undefined) {
    const tags: ReplicationTagExplanation[] = []
    for (const tag of o.tags) {
      const row = await findReplicationTag(db, replication.id, tag)
      tags.push(row === undefined ? await unseen(db, replication, tag, next) : explain(row, replication, next))
    }
    return { tags, next: null }
  }
  const rows = await listReplicationTagsOut(db, replication.id, { after: o.after, limit: o.limit + 1 })
  const page = rows.slice(0, o.limit)
  return {
    tags: page.map((row) => explain(row, replication, next)),
    next: rows.length > o.limit ? (page.at(-1)?.tag ?? null) : null,
  }
}

function nextOf(replication: ReplicationRecord, isResting: boolean): string {
  const name = REPLICATION_KIND.nameOf(replication)
  if (replication.state === 'stopped') {
    return `nothing, as the replication is stopped: kagami replication start ${replication.repository} ${name}`
  }
  if (isResting) return `nothing, as the replication is paused: kagami replication resume ${name}`
  const at = replication.next_run_at
  return `${at === null ? 'the next run looks at it' : `the run at ${at} looks at it`}; at once: kagami replication sync ${name}`
}

async function unseen(
  db: Queries,
  replication: ReplicationRecord,
  tag: Tag,
  next: string,
): Promise<ReplicationTagExplanation> {
  const local = await findServedTag(db, replication.repository_id, tag)
  const nothing = { name: tag, local: local ?? null, target: null, checkedAt: null }
  if (local !== undefined) return { ...nothing, state: 'pending', reason: 'no run has seen it yet', next }
  return {
    ...nothing,
    state: 'absent',
    reason: 'the repository has no such tag',
    next: 'it is sent once it is pushed here',
  }
}

function explain(row: ReplicationTagRow, replication: ReplicationRecord, next: string): ReplicationTagExplanation {
  const change = `kagami replication change ${REPLICATION_KIND.nameOf(replication)}`
  const { after } = fullSettings(replication)
  const nexts: Partial<Record<ReplicationTagRow['state'], string>> = {
    diverged: `it is left as it is; to bring it back: ${change} --drift repair`,
    immutable: `it is tried again once the tag moves here; to send it under its digest: ${change} --digest-alias`,
    waiting: `it is sent once the receiver of ${after ?? 'the webhook'} calls back with success`,
    absent: 'it is left as it is at the target',
    unselected: `it is not sent; to send it: ${change}`,
  }
  const reasons: Partial<Record<ReplicationTagRow['state'], string>> = {
    synced: 'it is at the target with all that it has here',
    pending: 'it is being sent, or was when a run ended',
  }
  return {
    name: row.tag,
    state: row.state,
    local: row.local_digest as Digest | null,
    target: row.target_digest as Digest | null,
    reason: row.reason ?? reasons[row.state] ?? row.state,
    checkedAt: row.checked_at,
    next: nexts[row.state] ?? next,
  }
}
