// Why a tag is, or is not, here: for every state, and for tags that nobody has seen.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type TagExplanation, tagExplanationSchema } from '../../../src/api/explain.ts'
import { AppError } from '../../../src/errors.ts'
import { excludeMirrorTag } from '../../../src/mirror/life/exclusions.ts'
import { explainTag } from '../../../src/mirror/life/explain-tag.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { parseRepositoryName, type Tag } from '../../../src/oci/reference.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

async function explain(mirrorId: string, ...tags: string[]): Promise<readonly TagExplanation[]> {
  const only = tags.length === 0 ? undefined : (tags as Tag[])
  const { tags: found } = await instance.engine.explain(mirrorId, { tags: only, limit: 100 })
  for (const one of found) expect(tagExplanationSchema.parse(one)).toEqual(one)
  return found
}
const one = async (mirrorId: string, tag: string) => {
  const [found] = await explain(mirrorId, tag)
  if (found === undefined) throw new Error(`nothing was said of ${tag}`)
  return found
}
const exclude = (tag: string) =>
  excludeMirrorTag(instance.db, {
    repository: parseRepositoryName('acme/dhi-app'),
    by: 'user:ada',
    at: new Date().toISOString(),
    tag: tag as Tag,
    reason: 'not for us',
  })

describe('tags that passes have seen', () => {
  test('in step, failed in the words of upstream, excluded by whom, gone at upstream; the list leaves out what is in step', async () => {
    const good = addImage(upstream, 'good', { tags: ['good', 'gone'] })
    addImage(upstream, 'bad', { tags: ['bad'] })
    const { mirrorId } = await instance.mirror('hub/app')
    const newer = addImage(upstream, 'bad again', { tags: ['bad'], layers: ['poison'] })
    upstream.tags.delete('gone')
    upstream.before = (call, of) => {
      if (call === 'openBlob' && of === digestOf('poison'))
        throw new AppError('UPSTREAM_UNAVAILABLE', 'the shelf is empty')
    }
    await instance.sync(mirrorId)
    await exclude('later')
    const all = await explain(mirrorId)
    expect(all.map(({ name, state }) => [name, state])).toEqual([
      ['bad', 'failed'],
      ['gone', 'absent'],
      ['later', 'excluded'],
    ])
    const [bad, gone, later] = all
    expect(bad).toMatchObject({ upstream: newer.digest, reason: expect.stringContaining('the shelf is empty') })
    expect([bad?.local === newer.digest, bad?.local]).toEqual([false, expect.stringContaining('sha256:')])
    expect(bad?.next).toContain('kagami mirror sync acme/dhi-app --tag bad')
    expect(bad?.next).toContain('kagami tag exclude acme/dhi-app bad')
    expect(gone).toMatchObject({
      upstream: null,
      local: good.digest,
      next: expect.stringContaining('kagami tag delete'),
    })
    expect(later?.reason).toContain('not for us, by ada since')
    const { nextRunAt } = await instance.engine.show(mirrorId)
    expect(await one(mirrorId, 'good')).toMatchObject({
      state: 'synced',
      upstream: good.digest,
      local: good.digest,
      next: expect.stringContaining(String(nextRunAt)),
    })
  })

  test('immutable: the rule is named, and the mirror still says that it failed', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await instance.db.write((tx) => tx.updateTable('repositories').set({ immutable_tags: 'all' }).execute())
    addImage(upstream, 'two', { tags: ['1'] })
    await instance.sync(mirrorId)
    expect(await one(mirrorId, '1')).toMatchObject({ state: 'immutable', reason: expect.stringContaining('immutable') })
    const { state, tags } = await instance.engine.show(mirrorId)
    expect([state, tags.failed]).toEqual(['degraded', 1])
    await exclude('1')
    expect((await instance.engine.show(mirrorId)).state).toBe('active')
  })

  test('what a run under way has not brought yet waits for it; of a paused or stopped mirror, its reason and way out are told', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    addImage(upstream, 'two', { tags: ['1', '2'] })
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    upstream.before = async (call) => {
      if (call !== 'openBlob') return
      reached.resolve()
      await gate.promise
    }
    const { run } = await instance.engine.sync(mirrorId)
    await reached.promise
    expect(await explain(mirrorId)).toMatchObject(
      ['1', '2'].map((name) => ({
        name,
        state: 'pending',
        reason: expect.stringContaining('a run is under way'),
        next: expect.stringContaining('kagami mirror watch acme/dhi-app'),
      })),
    )
    const pausing = instance.engine.pause(mirrorId, 'user:ada')
    gate.resolve()
    await pausing
    await instance.engine.wait(run.id)
    const paused = await one(mirrorId, '2')
    expect(paused).toMatchObject({ state: 'pending', reason: expect.stringContaining('paused by hand') })
    expect(paused.next).toContain('kagami mirror resume acme/dhi-app')
    await instance.engine.stop(mirrorId, 'user:ada')
    expect((await one(mirrorId, '2')).next).toContain('kagami mirror restart acme/dhi-app')
  })

  test('held, not selected, retained: what ends it is told, and no command that would not help', async () => {
    addImage(upstream, 'one', { tags: ['1', 'old'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await instance.engine.change(mirrorId, { settle: '10m', selection: { tags: ['1', '2'] } }, 'user:ada')
    addImage(upstream, 'two', { tags: ['1', 'other'] })
    await instance.sync(mirrorId)
    const { nextRunAt } = await instance.engine.show(mirrorId)
    const [held, retained, unselected] = await explain(mirrorId, '1', 'old', 'other')
    expect([held?.state, retained?.state, unselected?.state]).toEqual(['held', 'retained', 'unselected'])
    expect(held?.reason).toMatch(/^held until 20/)
    expect(held?.next).toBe(
      `comes when nothing has been attached for so long: the next pass at ${nextRunAt}; without waiting: kagami mirror change acme/dhi-app --settle 0`,
    )
    const leaves = 'while the selection leaves it out: kagami mirror change acme/dhi-app'
    expect(unselected?.next).toBe(`nothing ${leaves}`)
    expect(retained?.next).toBe(`it stays as it is ${leaves}; to remove it: kagami tag delete acme/dhi-app old`)
    await instance.engine.change(mirrorId, { settle: null }, 'user:ada')
    upstream.before = (call) => {
      if (call === 'listReferrers') throw new AppError('UPSTREAM_UNAVAILABLE', 'no lists today')
    }
    await instance.sync(mirrorId)
    const down = await one(mirrorId, '1')
    expect([down.state, down.reason]).toEqual(['held', expect.stringContaining('no lists today')])
    expect(down.next).toContain(
      '; without its attestations: kagami mirror change acme/dhi-app --without-referrers publish',
    )
  })

  test('pages go on by name, whatever the tags are odd for', async () => {
    for (const name of ['a', 'b', 'c', 'd']) addImage(upstream, name, { tags: [name] })
    const { mirrorId } = await instance.mirror('hub/app')
    upstream.tags.clear()
    addImage(upstream, 'e', { tags: ['e'] })
    await instance.sync(mirrorId)
    await exclude('aa')
    const names: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await instance.engine.explain(mirrorId, { limit: 2, after })
      names.push(...page.tags.map(({ name }) => name))
      if (page.next === null) break
      after = page.next
    }
    expect(names).toEqual(['a', 'aa', 'b', 'c', 'd'])
  })
})

test('while the registry lets nothing be asked, that is why, and until when; of a run under way and of the next pass', async () => {
  await instance.close()
  const until = '2099-01-01T00:00:00.000Z'
  let isPaused = false
  upstream = memoryRepository()
  instance = await openMirrorInstance({
    openSource: () => ({
      reader: upstream.reader(),
      usage: () => ({ requests: 0, readBytes: 0 }),
      pauses: async () => (isPaused ? [{ until, reason: '429, come again' }] : []),
    }),
  })
  addImage(upstream, 'one', { tags: ['1'] })
  const { mirrorId } = await instance.mirror('hub/app')
  addImage(upstream, 'two', { tags: ['1'] })
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  upstream.before = async (call) => {
    if (call !== 'openBlob') return
    reached.resolve()
    await gate.promise
  }
  const { run } = await instance.engine.sync(mirrorId)
  await reached.promise
  isPaused = true
  const waits = await one(mirrorId, '1')
  expect(waits.state).toBe('pending')
  expect(waits.reason).toContain(`the run under way waits for the budget of hub until ${until}: 429, come again`)
  expect(waits.next).toContain(`from ${until} on: see kagami upstream show hub`)
  gate.reject(new AppError('UPSTREAM_UNAVAILABLE', 'gone'))
  await instance.engine.wait(run.id)
  const failed = await one(mirrorId, '1')
  expect(failed.state).toBe('failed')
  expect(failed.next).toContain(`from ${until} on: see kagami upstream show hub`)
  isPaused = false
  expect((await one(mirrorId, '1')).next).not.toContain('upstream show')
})

describe('tags that no pass has seen', () => {
  test('are asked for at upstream, once each: no such tag, new, or refused in its words', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    const two = addImage(upstream, 'two', { tags: ['2'] })
    upstream.calls.length = 0
    upstream.before = (_call, of) => {
      if (of === 'locked') throw new AppError('UPSTREAM_DENIED', 'not for you')
    }
    const [known, fresh, none, locked] = await explain(mirrorId, '1', '2', 'no-such', 'locked')
    expect(upstream.calls.map(({ call, of }) => [call, of])).toEqual([
      ['resolve', '2'],
      ['resolve', 'no-such'],
      ['resolve', 'locked'],
    ])
    expect(known?.state).toBe('synced')
    expect(fresh).toMatchObject({ state: 'pending', upstream: two.digest, local: null })
    expect(fresh?.reason).toContain('new at upstream')
    expect(fresh?.next).toContain('comes with the next pass at ')
    expect(none).toMatchObject({ state: 'absent', upstream: null, reason: 'upstream has no such tag' })
    expect(locked).toMatchObject({ state: 'failed', reason: expect.stringContaining('not for you') })
    expect(await explain(mirrorId)).toEqual([])
  })

  test('are not asked for while the mirror rests, and it says why', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await instance.engine.pause(mirrorId, 'user:ada')
    upstream.calls.length = 0
    const found = await one(mirrorId, 'new')
    expect([found.state, found.checkedAt, upstream.calls]).toEqual(['absent', null, []])
    expect(found.reason).toContain('paused by hand')
  })
})

test('whatever is known of a tag, its state is one of those that are promised, with a reason and what comes next', () => {
  const digest = fc.constantFrom(digestOf('x'), digestOf('y'))
  const states = [
    'pending',
    'synced',
    'failed',
    'immutable',
    'diverged',
    'pinned',
    'excluded',
    'absent',
    'held',
    'new word',
  ]
  const facts = fc.record({
    tag: fc.constantFrom('1', `${digestOf('x').replace(':', '-')}`, `${digestOf('x').replace(':', '-')}.sig`),
    local: fc.option(digest, { nil: undefined }),
    seen: fc.option(
      fc.record({
        mirror_id: fc.constant('m'),
        tag: fc.constant('1'),
        head_digest: fc.constant(null),
        upstream_digest: fc.option(digest),
        synced_digest: fc.option(digest),
        state: fc.constantFrom(...states),
        reason: fc.option(fc.constant('because')),
        checked_at: fc.constant('2026-01-01T00:00:00.000Z'),
      }),
      { nil: undefined },
    ),
  })
  const mirror = fc.record({
    repository: fc.constant('acme/app'),
    source: fc.constant({ upstream: 'hub', repository: 'app' }),
    state: fc.constantFrom('initial', 'active', 'syncing', 'degraded', 'paused', 'stopped'),
    reason: fc.option(fc.constant('for a reason')),
    remedy: fc.option(fc.constant('mirror resume acme/app')),
    nextRunAt: fc.option(fc.constant('2026-01-01T00:00:00.000Z')),
    lastRun: fc.constant(null),
  })
  const at = '2026-01-01T00:00:00.000Z'
  const asked = fc.oneof(
    fc.constant(undefined),
    fc.constant('not asked' as const),
    fc.record({ at: fc.constant(at), digest: fc.option(digest, { nil: undefined }) }),
    fc.constant({ at, problem: { code: 'UPSTREAM_DENIED', message: 'no' } }),
  )
  fc.assert(
    fc.property(facts, mirror, asked, fc.uniqueArray(digest), (known, shown, said, excluded) => {
      const context = { mirror: shown, excluded: new Set<Digest>(excluded) } as Parameters<typeof explainTag>[1]
      const none = { exclusion: undefined, pin: undefined }
      const found = explainTag({ ...known, ...none } as Parameters<typeof explainTag>[0], context, said)
      expect(tagExplanationSchema.parse(found)).toEqual(found)
      expect([found.reason, found.next]).not.toContain('')
      if (found.state === 'synced') expect(found.local).not.toBeNull()
    }),
  )
})
