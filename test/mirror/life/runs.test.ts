// What is kept of each run: its plan, what it moved from where to where, what failed and why; bounded, and in pages.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { countRun } from '../../../src/db/mirrors/run-counters.ts'
import { pruneRunItems, recordRunItems } from '../../../src/db/mirrors/run-items.ts'
import { insertRun, MIRROR_RUNS, pruneRuns } from '../../../src/db/mirrors/sync-runs.ts'
import { AppError } from '../../../src/errors.ts'
import { NO_COUNTS } from '../../../src/mirror/life/run-end.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

describeOnEachEngine('runs', (openFresh) => {
  let instance: MirrorInstance
  let upstream: MemoryRepository
  beforeEach(async () => {
    instance = await openMirrorInstance({ db: await openFresh(), intervalMs: 3_600_000 })
    upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
  })
  afterEach(() => instance.close())

  const itemsOf = (mirrorId: string, runId: string, limit = 100, after?: string) =>
    instance.engine.runItems(mirrorId, runId, { limit, after })

  async function insertEnded(mirrorId: string, id: string, startedAt: string): Promise<void> {
    await instance.db.write((tx) =>
      insertRun(tx, {
        ...{ id, mirror_id: mirrorId, trigger: 'sync', full: 0, outcome: 'done', generation: 1, holder: null },
        ...{ started_at: startedAt, ended_at: startedAt, counts: JSON.stringify(NO_COUNTS), failures: '[]' },
        ...{ tags: null, plan: null, progress: null, began_at: null },
      }),
    )
  }

  test('a run keeps its plan, the moves with both digests, and each failure whole', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId, run: first } = await instance.mirror('hub/app')
    expect(first.plan).toMatchObject({ tagsMoved: 1, manifests: 1, blobs: 2 })
    const two = addImage(upstream, 'two', { tags: ['1'] })
    const bad = addImage(upstream, 'bad', { tags: ['2'] })
    const long = `hub: ${'no '.repeat(200)}`
    const badBlob = JSON.parse(new TextDecoder().decode(upstream.manifests.get(bad.digest)?.bytes)).layers[0].digest
    upstream.before = (call, of) => {
      if (call === 'openBlob' && of === badBlob) throw new AppError('UPSTREAM_UNAVAILABLE', long)
    }
    const second = await instance.sync(mirrorId)
    expect([second.outcome, second.plan?.tagsMoved]).toEqual(['partial', 2])
    const { items, next } = await itemsOf(mirrorId, second.id)
    expect(next).toBeNull()
    expect(items).toEqual([
      {
        ...{ action: 'moved', tag: '1', from: one.digest, to: two.digest, digest: two.digest },
        ...{ code: null, message: null, at: expect.any(String) },
      },
      {
        ...{ action: 'failed', tag: '2', from: null, to: null, digest: badBlob },
        ...{ code: 'UPSTREAM_UNAVAILABLE', message: long, at: null },
      },
    ])
    // Of another mirror's run nothing is told.
    expect(itemsOf('other', second.id)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('what was attached later is told by the image that it belongs to; a run that changes nothing has no items', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    expect((await itemsOf(mirrorId, (await instance.sync(mirrorId)).id)).items).toEqual([])
    addImage(upstream, 'signature', { subject: image })
    const { items } = await itemsOf(mirrorId, (await instance.sync(mirrorId, { full: true })).id)
    expect(items).toMatchObject([{ action: 'published', tag: '1', digest: image.digest }])
  })

  test('a run that fails as a whole says so as an item', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: connection refused')
    }
    const run = await instance.sync(mirrorId)
    expect(run.plan).toBeNull()
    expect((await itemsOf(mirrorId, run.id)).items).toMatchObject([
      { action: 'failed', tag: null, code: 'UPSTREAM_UNAVAILABLE', message: 'hub: connection refused' },
    ])
  })

  test('items come in pages, over the border between moves and the rest, each once', async () => {
    for (let i = 0; i < 7; i++) addImage(upstream, `image ${i}`, { tags: [`t${i}`] })
    const { mirrorId, run } = await instance.mirror('hub/app')
    const rest = [...Array(6).keys()].map((n) => ({
      ...{ action: 'failed' as const, tag: `f${n}`, digest: null, code: 'DENIED', message: 'no' },
    }))
    await instance.db.write((tx) => recordRunItems(tx, run.id, rest))
    for (const limit of [1, 3, 5, 7, 100]) {
      const seen: (string | null)[] = []
      let after: string | undefined
      do {
        const page = await itemsOf(mirrorId, run.id, limit, after)
        seen.push(...page.items.map(({ tag }) => tag))
        expect(page.items.length).toBeLessThanOrEqual(limit)
        after = page.next ?? undefined
      } while (after !== undefined)
      expect([...seen].sort()).toEqual(
        [...rest.map(({ tag }) => tag), ...[...Array(7).keys()].map((n) => `t${n}`)].sort(),
      )
    }
    expect(itemsOf(mirrorId, run.id, 5, 'nonsense')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test('old runs go by number and by age, the newest few never; items of newer runs push out those of older ones', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    for (let n = 0; n < 8; n++) await insertEnded(mirrorId, `old-${n}`, `2020-01-0${n + 1}T00:00:00.000Z`)
    const ids = async () => (await instance.engine.runs(mirrorId, { limit: 100 })).runs.map(({ id }) => id).slice(1)
    await instance.db.write((tx) =>
      pruneRuns(tx, mirrorId, { keep: 7, keepAlways: 3, before: '2020-01-01T00:00:00.000Z' }),
    )
    expect(await ids()).toEqual(['old-7', 'old-6', 'old-5', 'old-4', 'old-3', 'old-2'])
    await instance.db.write((tx) =>
      pruneRuns(tx, mirrorId, { keep: 7, keepAlways: 3, before: '2020-01-08T00:00:00.000Z' }),
    )
    expect(await ids()).toEqual(['old-7', 'old-6'])
    await instance.db.write((tx) =>
      pruneRuns(tx, mirrorId, { keep: 7, keepAlways: 1, before: '2020-01-08T00:00:00.000Z' }),
    )
    expect(await ids()).toEqual(['old-7'])

    const many = Array.from({ length: 6_000 }, () => ({
      ...{ action: 'failed' as const, tag: 't', digest: null, code: 'DENIED', message: 'no' },
    }))
    for (let n = 1; n <= 5; n++) {
      await insertEnded(mirrorId, `full-${n}`, `2021-01-0${n}T00:00:00.000Z`)
      await instance.db.write((tx) => recordRunItems(tx, `full-${n}`, many))
    }
    await instance.db.write((tx) => pruneRunItems(tx, mirrorId))
    const left = await instance.db.read
      .selectFrom('sync_run_items')
      .select((eb) => ['run_id', eb.fn.countAll<number>().as('items')])
      .groupBy('run_id')
      .orderBy('run_id')
      .execute()
    // 5,000 of one run, 20,000 of all.
    expect(left.map(({ run_id, items }) => [run_id, Number(items)])).toEqual(
      [2, 3, 4, 5].map((n) => [`full-${n}`, 5_000]),
    )
  })

  test('counts only grow, and outlive the runs', async () => {
    addImage(upstream, 'one', { tags: ['1', '2'] })
    const { mirrorId } = await instance.mirror('hub/app')
    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'hub: connection refused')
    }
    await instance.sync(mirrorId)
    const counters = async () =>
      (await instance.db.read.selectFrom('mirror_counters').selectAll().orderBy('counter').orderBy('label').execute())
        .filter(({ counter }) => counter !== 'requests' && counter !== 'milliseconds')
        .map(({ counter, label, total }) => [counter, label, total])
    const after = [
      ['failures', 'UPSTREAM_UNAVAILABLE', 1],
      ['runs', 'done', 1],
      ['runs', 'failed', 1],
      ['tags', 'moved', 2],
    ]
    expect(await counters()).toEqual(after)
    await instance.db.write((tx) =>
      pruneRuns(tx, mirrorId, { keep: 0, keepAlways: 0, before: '2999-01-01T00:00:00.000Z' }),
    )
    expect(await counters()).toEqual(after)
    const failures = [{ code: 'DENIED' }, { code: 'DENIED' }]
    await instance.db.write((tx) =>
      countRun(tx, MIRROR_RUNS, mirrorId, {
        outcome: 'done',
        counts: { readBytes: 7 },
        failures,
        times: { waitedMs: 0, runningMs: 0 },
      }),
    )
    expect(await counters()).toEqual([['bytes', '', 7], after[0], ['runs', 'done', 2], ...after.slice(2)] as never)
  })
})
