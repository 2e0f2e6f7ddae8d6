import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { AppError } from '../../src/errors.ts'
import { nextRunAt } from '../../src/mirror/life/schedule.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addImage } from './small-images.ts'

const MINUTE = 60_000

describe('nextRunAt', () => {
  const now = new Date('2026-01-01T00:00:00.000Z')
  const inMs = (outcome: 'done' | 'partial' | 'failed', failedBefore: number, random: number) =>
    Date.parse(nextRunAt({ now, outcome, failedBefore, cadence: { everyMs: 5 * MINUTE }, random: () => random })) -
    now.getTime()

  test('is the interval, a tenth more or less', () => {
    expect([inMs('done', 0, 0), inMs('done', 0, 0.5), inMs('partial', 0, 1)]).toEqual([270_000, 300_000, 330_000])
  })

  test('comes sooner after a failed run, then ever later', () => {
    expect([1, 2, 3, 4, 20].map((n) => inMs('failed', n, 1))).toEqual([15_000, 30_000, 60_000, 120_000, 60 * MINUTE])
  })
})

test('by cron it is when the five fields say, in UTC, whatever chance says', () => {
  const at = (cron: string, now: string) =>
    nextRunAt({ now: new Date(now), outcome: 'done', failedBefore: 0, cadence: { cron }, random: () => 0.9 })
  expect(at('0 4 * * 1-5', '2026-01-02T05:00:00.000Z')).toBe('2026-01-05T04:00:00.000Z')
  expect(at('*/15 * * * *', '2026-01-02T05:00:00.000Z')).toBe('2026-01-02T05:15:00.000Z')
})

describe('the schedule', () => {
  let instance: MirrorInstance
  let upstream: MemoryRepository
  let time = Date.parse('2026-01-01T00:00:00.000Z')
  /** Ends the sleeps of the schedule as soon as they begin, with the clock moved on by as much. */
  let isAsleep = Promise.withResolvers<number>()
  beforeEach(async () => {
    isAsleep = Promise.withResolvers<number>()
    instance = await openMirrorInstance({
      clock: { now: () => new Date(time) },
      random: () => 0.5,
      intervalMs: 5 * MINUTE,
      sleep: (ms, signal) => {
        isAsleep.resolve(ms)
        isAsleep = Promise.withResolvers()
        return new Promise((resolve, reject) => {
          wakeUp = resolve
          signal?.addEventListener('abort', () => reject(new AppError('CANCELLED', 'woken')))
        })
      },
    })
    upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
  })
  let wakeUp = () => {}
  afterEach(() => instance.close())

  test('runs an active mirror again after its interval, and no stopped one', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    const mirror = await instance.engine.show(mirrorId)
    expect([mirror.state, mirror.nextRunAt]).toEqual(['active', new Date(time + 5 * MINUTE).toISOString()])
    const asleep = isAsleep.promise
    await instance.engine.resume({ isAlone: true })
    // It looks again at least every minute.
    expect(await asleep).toBe(MINUTE)
    expect((await instance.engine.runs(mirrorId, { limit: 10 })).runs.length).toBe(1)
    const two = addImage(upstream, 'two', { tags: ['1'] })
    time += 5 * MINUTE
    const again = isAsleep.promise
    wakeUp()
    await again
    const { runs } = await instance.engine.runs(mirrorId, { limit: 10 })
    expect(runs.map(({ trigger }) => trigger)).toEqual(['schedule', 'start'])
    await instance.engine.wait(runs[0]?.id ?? '')
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: two.digest as Digest })).toBeDefined()
    const stopped = await instance.engine.stop(mirrorId, 'user:test')
    expect(stopped.nextRunAt).toBeNull()
  })

  test('a start finds mirrors that have no next run, and leaves those alone that are paused or stopped', async () => {
    const named = ['forgotten', 'paused', 'stopped'] as const
    const ids = new Map<string, string>()
    for (const name of named) {
      const repository = memoryRepository()
      addImage(repository, name, { tags: ['1'] })
      instance.repositories.set(`hub/${name}`, repository)
      ids.set(name, (await instance.mirror(`hub/${name}`)).mirrorId)
    }
    const idOf = (name: (typeof named)[number]) => ids.get(name) ?? ''
    await instance.engine.pause(idOf('paused'), 'user:test')
    await instance.engine.stop(idOf('stopped'), 'user:test')
    await instance.db.write((tx) => tx.updateTable('mirrors').set({ next_run_at: null }).execute())
    // Runs are listed by when they began.
    time += 1000
    const asleep = isAsleep.promise
    await instance.engine.resume({ isAlone: true })
    await asleep
    const runs = await Promise.all(
      named.map(async (name) => (await instance.engine.runs(idOf(name), { limit: 10 })).runs.map((run) => run.trigger)),
    )
    expect(runs).toEqual([['schedule', 'start'], ['start'], ['start']])
  })

  test('referrers of known attestations are asked for again within a day', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const attestation = addImage(upstream, 'attestation', { subject: image })
    const { mirrorId } = await instance.mirror('hub/app')
    const asked = () =>
      upstream.calls.filter(({ call, of }) => call === 'listReferrers' && of === attestation.digest).length
    expect(asked()).toBe(1)
    time += 11 * 60 * MINUTE
    await instance.sync(mirrorId)
    expect(asked()).toBe(1)
    const signature = addImage(upstream, 'signature', { subject: attestation })
    time += 13 * 60 * MINUTE
    const run = await instance.sync(mirrorId)
    expect([asked(), run.counts.referrers]).toEqual([2, 1])
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: signature.digest as Digest })).toBeDefined()
  })

  test('a failed run makes the mirror degraded, with the reason, and the next good one active', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'the host is down')
    }
    for (let n = 0; n < 2; n++) {
      time += 1000
      await instance.sync(mirrorId)
    }
    const degraded = await instance.engine.show(mirrorId)
    expect([degraded.state, degraded.reason]).toEqual(['degraded', 'the host is down'])
    expect(Date.parse(degraded.nextRunAt ?? '') - time).toBe(22_500)
    upstream.before = () => {}
    time += 1000
    await instance.sync(mirrorId)
    const active = await instance.engine.show(mirrorId)
    expect([active.state, active.reason, active.since]).toEqual(['active', null, new Date(time).toISOString()])
  })
})

describe('watching', () => {
  let instance: MirrorInstance
  beforeEach(async () => {
    instance = await openMirrorInstance()
  })
  afterEach(() => instance.close())

  test('shows the run from its listing to its end, and the last run when nothing runs', async () => {
    const upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
    addImage(upstream, 'one', { tags: ['1', '2'], layers: ['x'.repeat(100_000)] })
    const go = Promise.withResolvers<void>()
    upstream.before = (call) => (call === 'resolve' ? go.promise : undefined)
    const { mirror, run } = await instance.engine.start({
      organization: 'acme',
      upstream: 'hub',
      repository: 'app',
      by: 'user:test',
    })
    const moments = instance.engine.watch(mirror.id, new AbortController().signal)
    const phases: string[] = []
    for await (const moment of moments) {
      phases.push(moment.phase)
      go.resolve()
      if (moment.phase !== 'ended') continue
      expect(moment).toMatchObject({
        mirror: 'acme/dhi-app',
        runId: run.id,
        outcome: 'done',
        tags: { done: 2, total: 2 },
        manifests: { done: 1, total: 1 },
        failed: 0,
      })
      expect(moment.bytes.done).toBeGreaterThan(100_000)
      expect(moment.bytes.done).toBe(moment.bytes.total ?? 0)
      break
    }
    expect(['waiting', 'listing']).toContain(phases[0] ?? '')
    const stop = new AbortController()
    const later = instance.anotherEngine().watch(mirror.id, stop.signal)
    const first = await later.next()
    expect(first.value).toMatchObject({ runId: run.id, phase: 'ended', outcome: 'done', tags: { done: 2, total: 2 } })
    stop.abort()
    expect((await later.next()).done).toBe(true)
  })

  test('lists mirrors and runs in pages', async () => {
    const upstream = memoryRepository()
    addImage(upstream, 'one', { tags: ['1'] })
    for (const name of ['a', 'b', 'c']) instance.repositories.set(`hub/${name}`, upstream)
    const { mirrorId } = await instance.mirror('hub/b')
    await instance.mirror('hub/c')
    await instance.mirror('hub/a')
    const first = await instance.engine.list({ limit: 2 })
    expect([first.mirrors.map(({ repository }) => repository), first.next]).toEqual([
      ['acme/dhi-a', 'acme/dhi-b'],
      'acme/dhi-b',
    ])
    const rest = await instance.engine.list({ limit: 2, after: first.next ?? undefined, organizations: ['acme'] })
    expect([rest.mirrors.map(({ repository }) => repository), rest.next]).toEqual([['acme/dhi-c'], null])
    expect((await instance.engine.list({ limit: 2, organizations: ['other'] })).mirrors).toEqual([])
    await instance.sync(mirrorId)
    const page = await instance.engine.runs(mirrorId, { limit: 1 })
    const older = await instance.engine.runs(mirrorId, { limit: 1, after: page.next ?? undefined })
    expect([page.runs[0]?.trigger, older.runs[0]?.trigger, older.next]).toEqual(['sync', 'start', null])
  })
})
