// What a server removes by itself, at its start and every hour.
import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { listOrganizationPeriods } from '../../src/db/content/periods.ts'
import { addPulled, periodsOf } from '../../src/db/content/pulls.ts'
import { addUsage, foldUsage } from '../../src/db/content/usage.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import { isoTime } from '../../src/lib/clock.ts'
import { parseDuration } from '../../src/lib/duration.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { forgetHistory, forgetPeriods, sampleStorage, startHousekeeping } from '../../src/server/housekeeping.ts'
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

test('hours go after a week, days after more than a year; what is stored is noted once a day', async () => {
  const db = await openDatabase(join(directory.path, 'periods.db'))
  const now = new Date('2026-06-15T12:34:56.000Z')
  const daysAgo = (days: number) => new Date(now.getTime() - days * 24 * 60 * 60 * 1000)
  const { id, organizationId } = await db.write(async (tx) => {
    const { row } = await createOrganization(tx, { name: 'acme', at: isoTime(now) })
    const name = parseRepositoryName('acme/app')
    const made = await createRepository(tx, { organizationId: row.id, name, actor: 'system', at: isoTime(now) })
    return { id: made.row.id, organizationId: row.id }
  })
  const pulled = { repositoryId: id, pulls: 1, checks: 0, bytes: 0, lastPulledAt: isoTime(now), tags: [], digests: [] }
  for (const days of [0, 6, 8, 399, 401]) {
    await db.write((tx) => addPulled(tx, [pulled], isoTime(daysAgo(days))))
  }
  const left = async (of: 'repository' | 'organization') =>
    (
      await db.read
        .selectFrom(`${of}_periods` as 'repository_periods')
        .select(['per', 'at'])
        .execute()
    )
      .map(({ per, at }) => `${per} ${at.slice(0, per === 'hour' ? 13 : 10)}`)
      .sort()
  expect(await forgetPeriods(db, now)).toBeGreaterThan(0)
  for (const of of ['repository', 'organization'] as const) {
    const days = [399, 8, 6, 0].map((ago) => `day ${isoTime(daysAgo(ago)).slice(0, 10)}`)
    expect(await left(of)).toEqual([...days, 'hour 2026-06-09T12', 'hour 2026-06-15T12'])
  }
  expect(await sampleStorage(db, now)).toBe(2)
  expect(await sampleStorage(db, now)).toBe(0)
  const stored = await db.read
    .selectFrom('repository_periods')
    .select('stored_bytes')
    .where('stored_bytes', 'is not', null)
    .execute()
  expect(stored.map((row) => Number(row.stored_bytes))).toEqual([0])
  // What changes is noted with the day that it changes on.
  await db.write((tx) => addUsage(tx, organizationId, 5))
  await db.write((tx) => foldUsage(tx, 10))
  const { day } = periodsOf(new Date().toISOString())
  const span = { per: 'day', from: day, to: day } as const
  expect((await listOrganizationPeriods(db.read, organizationId, span)).at(-1)?.storedBytes).toBe(5)
  await db.close()
})
