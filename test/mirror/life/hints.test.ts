// What upstream says was pushed is looked at at once, once, and never lost: not by the end of the process, nor beside another server.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Run } from '../../../src/api/runs.ts'
import { AppError } from '../../../src/errors.ts'
import type { Hint, MirrorEngine } from '../../../src/mirror/engine.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../../src/oci/reference.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

function hintOf(tags: readonly string[], more: Partial<Hint> = {}): Hint {
  return { repositories: [parseRepositoryName('app')], tags: tags.map(parseTag), subjects: [], isWhole: false, ...more }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(2)
}

describeOnEachEngine('push hints', (openFresh) => {
  let instance: MirrorInstance
  let upstream: MemoryRepository
  let mirrorId: string
  let upstreamId: string
  let time: number
  beforeEach(async () => {
    time = Date.now()
    instance = await openMirrorInstance({
      db: await openFresh(),
      clock: { now: () => new Date(time) },
      random: () => 1,
      intervalMs: 24 * 60 * 60_000,
    })
    upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
    addImage(upstream, 'one', { tags: ['1'] })
    mirrorId = (await instance.mirror('hub/app')).mirrorId
    upstreamId = (await instance.db.read.selectFrom('upstreams').select('id').executeTakeFirstOrThrow()).id
  })
  afterEach(() => instance.close())

  const hint = (tags: readonly string[], more: Partial<Hint> = {}, engine = instance.engine) =>
    engine.hint(upstreamId, [hintOf(tags, more)])
  const rows = () => instance.db.read.selectFrom('mirror_hints').selectAll().orderBy('tag').execute()
  const runs = async (id = mirrorId) => (await instance.engine.runs(id, { limit: 100 })).runs
  const hinted = async (id = mirrorId) => (await runs(id)).filter(({ trigger }) => trigger === 'hint')
  const ended = async (count: number): Promise<Run[]> => {
    await until(async () => (await hinted()).filter(({ outcome }) => outcome !== 'running').length >= count)
    return hinted()
  }
  const has = async (tag: string) => {
    const { digest } = (await (await instance.reader('acme/dhi-app')).resolve({ tag: parseTag(tag) })) ?? {}
    return digest === upstream.tags.get(tag)
  }
  const resume = (engine: MirrorEngine = instance.engine) => engine.resume({ isAlone: true })
  /** Holds upstream's answers from now on. */
  function hold() {
    const reached = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    upstream.before = async () => {
      reached.resolve()
      await go.promise
    }
    return {
      reached: reached.promise,
      go() {
        upstream.before = () => {}
        go.resolve()
      },
    }
  }

  test('bring exactly the tag that they name, and leave the plan of the others alone', async () => {
    await resume()
    const { nextRunAt } = await instance.engine.show(mirrorId)
    addImage(upstream, 'two', { tags: ['2'] })
    addImage(upstream, 'three', { tags: ['3'] })
    expect(await hint(['2'])).toEqual([{ mirrors: ['acme/dhi-app'], notStarted: [] }])
    const [run] = await ended(1)
    expect([run?.outcome, run?.tags, run?.counts.tagsMoved]).toEqual(['done', ['2'], 1])
    expect([await has('2'), await has('3')]).toEqual([true, false])
    const after = await instance.engine.show(mirrorId)
    expect([after.nextRunAt, after.state, await rows()]).toEqual([nextRunAt, 'active', []])
  })

  test('of what is here already cost one HEAD, and list nothing', async () => {
    await resume()
    const before = upstream.calls.length
    await hint(['1'])
    const [run] = await ended(1)
    expect(upstream.calls.slice(before)).toEqual([{ call: 'resolve', of: '1' }])
    expect([run?.outcome, run?.counts.tagsUnchanged, run?.counts.requests, run?.failures]).toEqual(['done', 1, 1, []])
  })

  test('of what people keep away, or upstream does not have, are no failure', async () => {
    await resume()
    addImage(upstream, 'two', { tags: ['2'] })
    await instance.db.write(async (tx) => {
      const row = { mirror_id: mirrorId, tag: '2', digest: null, reason: 'not here', excluded_by: null }
      await tx
        .insertInto('mirror_tag_exclusions')
        .values({ ...row, excluded_at: new Date(time).toISOString() })
        .execute()
    })
    await hint(['2', 'gone'])
    const [run] = await ended(1)
    expect([run?.outcome, run?.failures, await has('2')]).toEqual(['done', [], false])
    expect((await instance.engine.show(mirrorId)).state).toBe('active')
  })

  test('in a burst become the present run and one more', async () => {
    await resume()
    for (const tag of ['2', '3', '4', '5']) addImage(upstream, `image ${tag}`, { tags: [tag] })
    const held = hold()
    await hint(['2'])
    await held.reached
    for (const tag of ['3', '4', '5', '3']) {
      await hint([tag])
      await until(async () => (await rows()).every(({ claim }) => claim !== null))
    }
    held.go()
    const all = await ended(2)
    expect(all.map(({ tags, outcome }) => `${tags} ${outcome}`).sort()).toEqual(['2 done', '3,4,5 done'])
    expect(await rows()).toEqual([])
  })

  test('of a tag that is being looked at make it be looked at again', async () => {
    await resume()
    const held = hold()
    await hint(['1'])
    await held.reached
    await hint(['1'])
    addImage(upstream, 'newer', { tags: ['1'] })
    held.go()
    await ended(2)
    expect([await has('1'), await rows()]).toEqual([true, []])
  })

  test('that were taken and not looked at are looked at by the next process', async () => {
    addImage(upstream, 'two', { tags: ['2'] })
    // No schedule runs in this one: it dies at once.
    await hint(['2'])
    expect((await rows()).map(({ tag, claim }) => [tag, claim])).toEqual([['2', null]])
    await resume(instance.anotherEngine())
    await ended(1)
    expect([await has('2'), await rows()]).toEqual([true, []])
  })

  test('whose run the process did not survive are looked at by the next, and by another server once the claim is old', async () => {
    addImage(upstream, 'two', { tags: ['2'] })
    for (const isAlone of [true, false]) {
      await hint(['2'])
      await instance.db.write(async (tx) => {
        await tx
          .updateTable('mirror_hints')
          .set({ claim: 'of a dead process', due_at: new Date(time + 30_000).toISOString() })
          .execute()
      })
      if (!isAlone) time += 31_000
      const next = instance.anotherEngine()
      const before = (await hinted()).length
      await next.resume({ isAlone })
      await ended(before + 1)
      expect(await rows()).toEqual([])
      await next.close()
    }
    expect(await has('2')).toBe(true)
  })

  test('that another server looks at are left to it for as long as it lives', async () => {
    await resume()
    const held = hold()
    await hint(['1'])
    await held.reached
    const other = instance.anotherEngine()
    time += 29_000
    await instance.db.write((tx) =>
      tx
        .updateTable('leases')
        .set({ expires_at: new Date(time + 30_000).toISOString() })
        .execute(),
    )
    time += 2_000
    await other.resume({ isAlone: false })
    await until(async () => (await rows()).every(({ due_at }) => due_at > new Date(time).toISOString()))
    held.go()
    await ended(1)
    await until(async () => (await rows()).length === 0)
    expect((await hinted()).length).toBe(1)
    await other.close()
  })

  test('of a run whose server died are due with the end of that run, however long they were claimed for', async () => {
    addImage(upstream, 'two', { tags: ['2'] })
    await hint(['2'])
    const other = instance.anotherEngine()
    await instance.db.write(async (tx) => {
      const [run] = await tx.selectFrom('sync_runs').selectAll().limit(1).execute()
      if (run === undefined) throw new Error('it has run')
      const dead = { id: 'dead', outcome: 'running', generation: 99, holder: 'gone', ended_at: null } as const
      await tx
        .insertInto('sync_runs')
        .values({ ...run, ...dead })
        .execute()
      const due_at = new Date(time + 60 * 60_000).toISOString()
      await tx.updateTable('mirror_hints').set({ claim: 'of the dead run', due_at }).execute()
    })
    await other.resume({ isAlone: false })
    await ended(1)
    await until(async () => (await rows()).length === 0)
    expect(await has('2')).toBe(true)
    await other.close()
  })

  test('that another server was told of and did not begin are begun by this one, whose schedule sleeps', async () => {
    addImage(upstream, 'two', { tags: ['2'] })
    const other = instance.anotherEngine({ leaseTtlMs: 40 })
    await other.resume({ isAlone: false })
    // This one has no schedule: it is gone as soon as it has answered.
    await hint(['2'])
    await ended(1)
    expect([await has('2'), await rows()]).toEqual([true, []])
    await other.close()
  })

  test('survive the orderly end of the server, and a run that upstream refused is tried again later', async () => {
    addImage(upstream, 'two', { tags: ['2'] })
    const first = instance.anotherEngine()
    await resume(first)
    const held = hold()
    await hint(['2'], {}, first)
    await held.reached
    const closed = first.close()
    held.go()
    await closed
    expect((await rows()).map(({ tag, claim, attempts }) => [tag, claim, attempts])).toEqual([['2', null, 0]])

    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'down for a moment')
    }
    const second = instance.anotherEngine()
    await resume(second)
    await until(async () => (await rows()).some(({ attempts }) => attempts === 1))
    expect((await rows()).map(({ due_at }) => due_at)).toEqual([new Date(time + 15_000).toISOString()])
    upstream.before = () => {}
    time += 15_000
    second.wake()
    await until(async () => (await rows()).length === 0)
    expect(await has('2')).toBe(true)
  })

  test('are given up after five tries: the schedule goes on', async () => {
    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'down')
    }
    await resume()
    await hint(['1'])
    for (let attempt = 1; attempt < 5; attempt++) {
      await until(async () => (await rows()).some((row) => row.attempts === attempt))
      time += 60 * 60_000
      instance.engine.wake()
    }
    await until(async () => (await rows()).length === 0)
    expect((await hinted()).length).toBe(5)
  })

  test('start no mirror that is paused or stopped, and say so', async () => {
    await resume()
    await instance.engine.pause(mirrorId, 'user:test')
    expect(await hint(['1'])).toEqual([
      { mirrors: [], notStarted: [{ mirror: 'acme/dhi-app', reason: 'the mirror is paused: paused by hand' }] },
    ])
    await instance.engine.stop(mirrorId, 'user:test')
    expect(await hint(['1'])).toMatchObject([{ mirrors: [], notStarted: [{ reason: 'the mirror is stopped' }] }])
    expect([await rows(), await hinted()]).toEqual([[], []])
  })

  test('that wait for a mirror when it is paused are dropped: resumed, it looks at everything', async () => {
    await hint(['1'])
    await instance.engine.pause(mirrorId, 'user:test')
    await resume()
    await until(async () => (await rows()).length === 0)
    expect(await hinted()).toEqual([])
  })

  test('go to every mirror of the source, and to no other', async () => {
    await resume()
    await instance.addOrganization('beta')
    const other = memoryRepository()
    addImage(other, 'other', { tags: ['1'] })
    instance.repositories.set('hub/other', other)
    await instance.mirror('hub/other')
    const { run } = await instance.engine.start({
      organization: 'beta',
      upstream: 'hub',
      repository: 'app',
      by: 'user:test',
    })
    await instance.engine.wait(run.id)
    addImage(upstream, 'two', { tags: ['2'] })
    const outcomes = await hint(['2'])
    expect(outcomes[0]?.mirrors.toSorted()).toEqual(['acme/dhi-app', 'beta/dhi-app'])
    await until(async () => (await rows()).length === 0)
    for (const name of ['acme/dhi-app', 'beta/dhi-app']) {
      expect(await (await instance.reader(name)).resolve({ tag: parseTag('2') })).toBeDefined()
    }
    expect(
      await instance.engine.hint(upstreamId, [hintOf(['1'], { repositories: [parseRepositoryName('none')] })]),
    ).toEqual([{ mirrors: [], notStarted: [] }])
  })

  test('of what hangs on an image make its tags be looked at, though their digest is the same', async () => {
    await resume()
    const one = { digest: upstream.tags.get('1') ?? '', mediaType: '', size: 0 }
    const image = upstream.manifests.get(one.digest)
    const subject = { ...one, mediaType: image?.mediaType ?? '', size: image?.bytes.byteLength ?? 0 }
    const late = addImage(upstream, 'attestation', { subject })
    await hint([], { subjects: [one.digest as Digest] })
    const [run] = await ended(1)
    expect([run?.outcome, run?.tags, run?.counts.referrers]).toEqual(['done', ['1'], 1])
    expect(await (await instance.reader('acme/dhi-app')).resolve({ digest: late.digest as Digest })).toBeDefined()
  })

  test('at a referrer source reach the mirrors that read it, by what hangs on their images alone', async () => {
    await resume()
    const scout = await instance.addUpstream('scout')
    await instance.db.write((tx) =>
      tx.updateTable('upstreams').set({ referrers_from: scout.id }).where('id', '=', upstreamId).execute(),
    )
    const attestations = memoryRepository()
    instance.repositories.set('scout/app', attestations)
    await instance.engine.hint(scout.id, [hintOf(['latest'])])
    expect(await rows()).toEqual([])
    await instance.engine.hint(scout.id, [hintOf([], { subjects: [upstream.tags.get('1') as Digest] })])
    const [run] = await ended(1)
    expect(run?.tags).toEqual(['1'])
  })

  test('that no tag names bring the next pass over all forward, once for a whole burst, and hurry no mirror that fails', async () => {
    await hint([], { isWhole: true })
    const soon = new Date(time + 5 * 60_000).toISOString()
    expect((await instance.engine.show(mirrorId)).nextRunAt).toBe(soon)
    time += 60_000
    await hint([], { isWhole: true })
    expect((await instance.engine.show(mirrorId)).nextRunAt).toBe(soon)
    const later = new Date(time + 60 * 60_000).toISOString()
    await instance.db.write((tx) => tx.updateTable('mirrors').set({ state: 'degraded', next_run_at: later }).execute())
    await hint([], { isWhole: true })
    expect((await instance.engine.show(mirrorId)).nextRunAt).toBe(later)
  })

  test('of more tags than are worth single questions become one pass over all', async () => {
    const tags = Array.from({ length: 501 }, (_, i) => `t${i}`)
    await hint(tags)
    expect(await rows()).toEqual([])
    expect((await instance.engine.show(mirrorId)).nextRunAt).toBe(new Date(time).toISOString())
  })

  test('hurry no mirror that is degraded', async () => {
    await resume()
    const later = new Date(time + 60 * 60_000).toISOString()
    await instance.db.write((tx) => tx.updateTable('mirrors').set({ state: 'degraded', next_run_at: later }).execute())
    await hint(['1'])
    await ended(1)
    expect((await instance.engine.show(mirrorId)).nextRunAt).toBe(later)
  })
})
