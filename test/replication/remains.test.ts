// What a replication has left goes in portions: its runs and tags with a closed organization, what its target was known to have with its address.
import { expect, test } from 'bun:test'
import type { Transaction } from '../../src/db/engine/engine.ts'
import { closeOrganization } from '../../src/db/mirrors/organization-ends.ts'
import { removePortion } from '../../src/db/mirrors/organization-remains.ts'
import { recordReplicationTags } from '../../src/db/replication/tags.ts'
import { recordTargetContent } from '../../src/db/replication/target-content.ts'
import { forgetSomeTargetContent } from '../../src/db/replication/targets.ts'
import { newId } from '../../src/lib/ids.ts'
import { addImage } from '../mirror/small-images.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { openReplicationInstance } from './replication-instance.ts'

describeOnEachEngine('what replications leave', (openFresh) => {
  test('goes in portions of bounded size', async () => {
    const instance = await openReplicationInstance({ db: await openFresh() })
    const { db } = instance.mirrors
    await instance.addTarget('hub')
    addImage(instance.upstream('app'), 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/app')
    const at = new Date().toISOString()
    const { organization_id: organization, target_id } = await db.read
      .selectFrom('replications')
      .selectAll()
      .executeTakeFirstOrThrow()
    await db.write(async (tx) => {
      for (let i = 0; i < 120; i++) await insertRun(tx, id, at)
      const tags = Array.from({ length: 4_500 }, (_, i) => ({
        ...{ replication_id: id, tag: `t${i}`, local_digest: null, target_digest: null, synced_digest: null },
        ...{ content: null, state: 'absent' as const, reason: null, checked_at: at },
      }))
      await recordReplicationTags(tx, tags)
      const content = Array.from({ length: 4_500 }, (_, i) => ({
        ...{ target_id, repository: 'app', digest: `sha256:${i}`, kind: 'blob' as const, committed: 1 as const },
        seen_at: at,
      }))
      await recordTargetContent(tx, content)
    })
    const count = async (table: 'replication_runs' | 'replication_tags' | 'target_content') =>
      Number(
        (
          await db.read
            .selectFrom(table)
            .select((eb) => eb.fn.countAll<number>().as('rows'))
            .executeTakeFirstOrThrow()
        ).rows,
      )
    const most = async (
      table: 'replication_runs' | 'replication_tags' | 'target_content',
      portion: () => Promise<boolean>,
    ) => {
      let largest = 0
      for (let before = await count(table), more = true; more; ) {
        more = await portion()
        const after = await count(table)
        largest = Math.max(largest, before - after)
        before = after
      }
      return largest
    }
    expect(await most('target_content', () => db.write((tx) => forgetSomeTargetContent(tx, target_id)))).toBe(2_000)
    expect(await count('target_content')).toBe(0)
    await db.write((tx) => closeOrganization(tx, organization, { at, withRepositories: true }))
    let runs = await count('replication_runs')
    let mostRuns = 0
    const portion = async () => {
      const more = await db.write((tx) => removePortion(tx, organization))
      const left = await count('replication_runs')
      mostRuns = Math.max(mostRuns, runs - left)
      runs = left
      return more
    }
    expect(await most('replication_tags', portion)).toBe(2_000)
    expect([mostRuns, runs, await count('replication_tags')]).toEqual([50, 0, 0])
    await instance.close()
  })
})

async function insertRun(tx: Transaction, id: string, at: string): Promise<void> {
  await tx
    .insertInto('replication_runs')
    .values({
      ...{ id: newId(), replication_id: id, trigger: 'schedule', full: 0, outcome: 'done', generation: 1 },
      ...{ started_at: at, began_at: at, ended_at: at, counts: '{}', failures: '[]', tags: null },
      ...{ holder: 'test', plan: null, progress: null },
    })
    .execute()
}
