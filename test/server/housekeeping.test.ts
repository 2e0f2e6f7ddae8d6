// What a server removes by itself, at its start and every hour.
import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { parseDuration } from '../../src/lib/duration.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { forgetHistory, startHousekeeping } from '../../src/server/housekeeping.ts'
import { temporaryDirectory } from '../support/process.ts'

const directory = temporaryDirectory('housekeeping')
afterAll(() => directory.remove())

test('history that is older than the setting goes at the start, in batches; what a tag pointed at then stays known', async () => {
  const db = await openDatabase(join(directory.path, 'kagami.sqlite'))
  const at = (days: number) => new Date(Date.UTC(2026, 0, 1 + days)).toISOString()
  await db.write(async (tx) => {
    const repository = {
      id: 'r',
      organization_id: 'o',
      name: 'acme/app',
      visibility: 'private',
      description: '',
    } as const
    const rest = { allow_sparse: 0, immutable_tags: 'none', immutable_patterns: '[]', archived_at: null } as const
    await tx
      .insertInto('repositories')
      .values({ ...repository, ...rest, created_at: '-', updated_at: '-' })
      .execute()
    for (let day = 0; day < 10; day++) {
      const row = {
        id: `h${day}`,
        organization_id: 'o',
        repository_id: 'r',
        tag: 't',
        from_digest: null,
        to_digest: `sha256:${day}`,
        at: at(day),
      }
      await tx
        .insertInto('tag_history')
        .values({ ...row, actor: 'user:a', run_id: null, reason: 'pushed' })
        .execute()
    }
  })
  const rest = async () =>
    (await db.read.selectFrom('tag_history').select('id').orderBy('at').execute()).map(({ id }) => id)
  const housekeeping = startHousekeeping({
    db,
    uploads: { expire: async () => 0 } as unknown as Parameters<typeof startHousekeeping>[0]['uploads'],
    clock: { now: () => new Date(at(9)) },
    logger: createLogger('silent'),
    historyMs: parseDuration('3d'),
    auditMs: parseDuration('3d'),
  })
  await housekeeping.close()
  expect(await rest()).toEqual(['h6', 'h7', 'h8', 'h9'])
  expect(await forgetHistory(db, at(8))).toBe(2)
  expect(await rest()).toEqual(['h8', 'h9'])
  await db.close()
})
