/** Why tags are, or are not, at a target, and what happens next: from what the last pass saw; nobody is asked. */
import type { Replication, ReplicationTagExplanation } from '../../api/replications.ts'
import type { Queries } from '../../db/engine/engine.ts'
import type { ReplicationRecord } from '../../db/replication/replications.ts'
import { listOddTags, listTagStandings } from '../../db/replication/tags.ts'
import type { ReplicationTagRow } from '../../db/schema.ts'
import { readPage } from '../../lib/weighed-page.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'

export interface ExplainRequest {
  /** Undefined: all that are not simply in step. */
  readonly tags?: readonly Tag[] | undefined
  readonly limit: number
  readonly after?: string | undefined
}

/** @param shown as people see it, for its standing and its next run */
export async function explainReplication(
  db: Queries,
  record: ReplicationRecord,
  shown: Replication,
  o: ExplainRequest,
): Promise<{ readonly tags: readonly ReplicationTagExplanation[]; readonly next: string | null }> {
  const explain = async (tags: readonly string[]) =>
    (await listTagStandings(db, record, tags)).map(({ tag, row, local }) => explainTag(tag, row, local, shown))
  if (o.tags !== undefined) return { tags: await explain(o.tags), next: null }
  const { items, next } = await readPage({
    limit: o.limit,
    after: o.after,
    read: async (after, limit) => explain(await listOddTags(db, record, { after, limit })),
    keyOf: ({ name }) => name,
  })
  return { tags: items, next }
}

function explainTag(
  name: string,
  row: ReplicationTagRow | undefined,
  local: string | undefined,
  shown: Replication,
): ReplicationTagExplanation {
  const digest = (text: string | null | undefined) => (text ?? null) as Digest | null
  const about = { name, local: digest(local), target: digest(row?.target_digest), checkedAt: row?.checked_at ?? null }
  if (row === undefined) {
    return local === undefined
      ? { ...about, state: 'absent', reason: 'there is no such tag here, and never was in a pass', next: 'nothing' }
      : { ...about, state: 'pending', reason: 'no pass has looked at it yet', next: nextRun(shown) }
  }
  // What has moved since the last pass is on its way.
  const isMoved = local !== undefined && row.local_digest !== local && row.state !== 'unselected'
  if (isMoved) return { ...about, state: 'pending', reason: 'it moved here since the last pass', next: nextRun(shown) }
  const state = local === undefined ? 'absent' : row.state
  return { ...about, state, reason: row.reason ?? REASONS[state], next: nextOf(state, shown) }
}

const REASONS: Readonly<Record<ReplicationTagRow['state'], string>> = {
  pending: 'it is being sent',
  synced: 'it is there with everything that it has here',
  failed: 'the last pass could not send it',
  immutable: 'the target lets nobody move it',
  diverged: 'somebody else has moved it at the target',
  waiting: 'the receiver of the webhook has not called back yet',
  absent: 'it is gone here; what is at the target stays',
  unselected: 'the selection leaves it out',
}

function nextOf(state: ReplicationTagRow['state'], shown: Replication): string {
  const place = `${shown.target.target}/${shown.target.repository}`
  switch (state) {
    case 'synced':
      return shown.settings.onChange === false ? nextRun(shown) : 'it is sent again when it moves here'
    case 'diverged':
      return `nothing; to put ours back: replication change ${place} --drift repair`
    case 'immutable':
      return `nothing; to send it under another name: replication change ${place} --digest-alias`
    case 'absent':
      return 'nothing'
    case 'unselected':
      return `nothing; to send it: replication change ${place} --tags …`
    case 'waiting':
      return `it is sent on once the receiver of ${shown.settings.after ?? 'the webhook'} says success`
    default:
      return nextRun(shown)
  }
}

function nextRun({ state, pauses, nextRunAt, remedy }: Replication): string {
  if (state === 'stopped') return 'nothing: the replication is stopped'
  const [pause] = pauses
  if (pause !== undefined) return `nothing until ${pause.endsWhen}${remedy === null ? '' : `: ${remedy}`}`
  return nextRunAt === null ? 'the run under way looks at it' : `the next pass looks at it, ${nextRunAt}`
}
