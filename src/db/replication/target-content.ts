/** What targets were seen to have. */
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { TargetContentRow } from '../schema.ts'

/** What a target has of these digests, in any of its repositories. */
export async function listTargetContent(
  db: Queries,
  targetId: string,
  digests: readonly string[],
): Promise<Pick<TargetContentRow, 'repository' | 'digest' | 'kind' | 'committed'>[]> {
  const found: Pick<TargetContentRow, 'repository' | 'digest' | 'kind' | 'committed'>[] = []
  for (const chunk of inChunks(digests)) {
    const rows = await db
      .selectFrom('target_content')
      .select(['repository', 'digest', 'kind', 'committed'])
      .where('target_id', '=', targetId)
      .where('digest', 'in', chunk)
      .execute()
    for (const row of rows) found.push(row)
  }
  return found
}

/** What was seen again is as it is seen now; what a manifest names stays named. */
export async function recordTargetContent(tx: Transaction, rows: readonly TargetContentRow[]): Promise<void> {
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('target_content')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['target_id', 'repository', 'digest']).doUpdateSet((eb) => ({
          kind: eb.ref('excluded.kind'),
          committed: eb
            .case()
            .when('target_content.committed', '=', 1)
            .then(1 as const)
            .else(eb.ref('excluded.committed'))
            .end(),
          seen_at: eb.ref('excluded.seen_at'),
        })),
      )
      .execute()
  }
}

export async function forgetTargetContent(
  tx: Transaction,
  targetId: string,
  repository: string,
  digests: readonly string[],
): Promise<void> {
  for (const chunk of inChunks(digests)) {
    await tx
      .deleteFrom('target_content')
      .where('target_id', '=', targetId)
      .where('repository', '=', repository)
      .where('digest', 'in', chunk)
      .execute()
  }
}
