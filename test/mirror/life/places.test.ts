// Runs have a bounded number of places, whoever asked; the rest waits, visibly, and nobody holds all of them.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { cancelledBy } from '../../../src/lib/abort.ts'
import type { Sleep } from '../../../src/lib/retry.ts'
import { createPlaces, type Places } from '../../../src/mirror/life/places.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

const settled = async () => {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

/** A sleep that only an end ends. */
const untilAborted: Sleep = (_ms, signal) =>
  new Promise((_, reject) => {
    if (signal?.aborted) reject(cancelledBy(signal))
    signal?.addEventListener('abort', () => reject(cancelledBy(signal)), { once: true })
  })

describe('places', () => {
  interface Asking {
    readonly organization: string
    readonly registry: string
    readonly urgency: number
  }

  /** All ask at once; each holder leaves in its turn, until nobody is left. */
  async function play(total: number, asking: readonly Asking[]) {
    const places: Places = createPlaces(total)
    const granted: number[] = []
    const leaves: (() => void)[] = []
    const present = new Set<number>()
    let most = { all: 0, organization: 0, registry: 0 }
    const biggest = (key: keyof Asking) =>
      Math.max(
        0,
        ...Object.values(Object.groupBy([...present], (i) => String(asking[i]?.[key]))).map((g) => g?.length ?? 0),
      )
    asking.forEach(({ organization, registry, urgency }, i) => {
      const request = { runId: String(i), organizationId: organization, registry, urgency: () => urgency }
      void places.take(request, new AbortController().signal).then((leave) => {
        granted.push(i)
        present.add(i)
        most = {
          all: Math.max(most.all, present.size),
          organization: Math.max(most.organization, biggest('organization')),
          registry: Math.max(most.registry, biggest('registry')),
        }
        leaves.push(() => {
          present.delete(i)
          leave()
        })
      })
    })
    await settled()
    const ahead = asking.map((_, i) => places.ahead(String(i)))
    const first = granted.length
    for (let leave = leaves.shift(); leave !== undefined; leave = leaves.shift()) {
      leave()
      await settled()
    }
    return { granted, first, most, ahead }
  }

  const asking = fc.record({
    organization: fc.constantFrom('a', 'b', 'c'),
    registry: fc.constantFrom('x', 'y', 'z'),
    urgency: fc.constantFrom(0, 1),
  })

  test('any crowd: no share is passed, everybody gets a place in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 2, 8), fc.array(asking, { maxLength: 60 }), async (total, crowd) => {
        const { granted, most } = await play(total, crowd)
        expect(granted.toSorted((a, b) => a - b)).toEqual(crowd.map((_, i) => i))
        expect(most.all).toBeLessThanOrEqual(total)
        expect(most.organization).toBeLessThanOrEqual(Math.max(1, Math.floor(total * 0.75)))
        expect(most.registry).toBeLessThanOrEqual(Math.max(1, Math.floor(total / 2)))
      }),
      { numRuns: 60 },
    )
  })

  test('whatever others do, a run of another organization from another registry begins at once', async () => {
    const crowd = Array.from({ length: 40 }, (_, i) => ({ organization: 'a', registry: `r${i % 2}`, urgency: 0 }))
    const { granted, first } = await play(8, [...crowd, { organization: 'b', registry: 'healthy', urgency: 1 }])
    expect(granted.slice(0, first)).toContain(40)
  })

  test('the organization that holds fewest comes first, in turn; within it what people asked for', async () => {
    const one = (organization: string, urgency: number) => ({ organization, registry: organization, urgency })
    const crowd = [one('a', 1), one('a', 1), one('a', 1), one('a', 0), one('b', 1), one('b', 0), one('b', 1)]
    const { granted } = await play(1, crowd)
    expect(granted).toEqual([0, 5, 3, 4, 1, 6, 2])
  })

  test('one place: what is said to come before a run of one organization comes before it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(0, 1), { minLength: 2, maxLength: 30 }), async (urgencies) => {
        const crowd = urgencies.map((urgency) => ({ organization: 'a', registry: 'x', urgency }))
        const { granted, ahead } = await play(1, crowd)
        granted.slice(1).forEach((who, place) => {
          expect(ahead[who]).toBe(place)
        })
      }),
    )
  })
})

describe('runs that wait', () => {
  let instance: MirrorInstance
  let upstream: MemoryRepository
  let gate: PromiseWithResolvers<void>
  let under: number
  let most: number
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

  beforeEach(async () => {
    instance = await openMirrorInstance({ runsAtOnce: 4 })
    upstream = memoryRepository()
    addImage(upstream, 'one', { tags: ['1'] })
    for (const name of names) instance.repositories.set(`hub/${name}`, upstream)
    gate = Promise.withResolvers()
    under = 0
    most = 0
    upstream.before = async (call, _of, signal) => {
      // A run asks this once: the one tag's digest.
      if (call !== 'resolve') return
      most = Math.max(most, ++under)
      const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
      await Promise.race([gate.promise, aborted])
      under--
    }
  })
  afterEach(async () => {
    gate.resolve()
    await instance.close()
  })

  const request = (repository: string) => ({ organization: 'acme', upstream: 'hub', repository, by: 'user:test' })
  const startAll = () => Promise.all(names.map((name) => instance.engine.start(request(name))))
  const begun = async (count: number) => {
    while (under < count) await Bun.sleep(1)
  }

  test('as many as there are places run, the others say how many come before them, and all get their turn', async () => {
    const started = await startAll()
    await begun(2)
    const shown = await Promise.all(started.map(({ mirror }) => instance.engine.show(mirror.id)))
    const waiting = shown.flatMap(({ waiting }) => (waiting === null ? [] : [waiting.ahead]))
    // Half of the places at most are for one registry.
    expect([under, waiting.toSorted()]).toEqual([2, [0, 1, 2, 3, 4, 5]])
    const last = shown.find(({ waiting }) => waiting?.ahead === 5)
    expect(last?.lastRun?.outcome).toBe('running')
    const { value } = await instance.engine.watch(last?.id ?? '', new AbortController().signal).next()
    expect(value).toMatchObject({ phase: 'waiting', outcome: 'running', ahead: 5 })
    gate.resolve()
    const runs = await Promise.all(started.map(({ run }) => instance.engine.wait(run.id)))
    expect(runs.map(({ outcome }) => outcome)).toEqual(names.map(() => 'done'))
    expect(most).toBe(2)
    const after = await instance.engine.show(last?.id ?? '')
    expect([after.waiting, after.state]).toEqual([null, 'active'])
  })

  test('tags that people name are ahead of a pass over all that waits for the same mirror', async () => {
    const started = await startAll()
    await begun(2)
    const shown = await Promise.all(started.map(({ mirror }) => instance.engine.show(mirror.id)))
    const only = new Set([parseTag('1')])
    const running = shown.find(({ waiting }) => waiting === null) ?? expect.unreachable()
    const all = await instance.engine.sync(running.id)
    const some = await instance.engine.sync(running.id, { only })
    gate.resolve()
    const runs = [all, some, ...started].map(({ run }) => instance.engine.wait(run.id))
    await Promise.all(runs)
    const order = await instance.db.read
      .selectFrom('sync_runs')
      .select(['id', 'ended_at'])
      .where('mirror_id', '=', running.id)
      .orderBy('ended_at')
      .orderBy('generation')
      .execute()
    expect(order.map(({ id }) => id)).toEqual([expect.any(String), some.run.id, all.run.id])
  })

  test('of two runs for which there is one place, that of named tags comes first, whoever asked before', async () => {
    const one = instance.anotherEngine({ runsAtOnce: 1 })
    const [held, other, own] = names.slice(0, 3).map((name) => request(name))
    if (held === undefined || other === undefined || own === undefined) throw new Error('there are names')
    const ownMirror = await one.start(own).then(({ mirror, run }) => {
      gate.resolve()
      return one.wait(run.id).then(() => mirror)
    })
    gate = Promise.withResolvers()
    under = 0
    const first = await one.start(held)
    await begun(1)
    const second = await one.start(other)
    const named = await one.sync(ownMirror.id, { only: new Set([parseTag('1')]) })
    expect((await one.show(second.mirror.id)).waiting).toEqual({ ahead: 1 })
    expect((await one.show(ownMirror.id)).waiting).toEqual({ ahead: 0 })
    gate.resolve()
    for (const { run } of [first, second, named]) expect((await one.wait(run.id)).outcome).toBe('done')
  })

  test('one that waits can be stopped and paused; another sync joins it', async () => {
    const started = await startAll()
    await begun(2)
    const waiting = []
    for (const { mirror, run } of started) {
      if ((await instance.engine.show(mirror.id)).waiting !== null) waiting.push({ mirror, run })
    }
    const [stopped, paused, joined] = waiting
    if (stopped === undefined || paused === undefined || joined === undefined) throw new Error('want three that wait')
    expect((await instance.engine.stop(stopped.mirror.id, 'user:test')).state).toBe('stopped')
    expect((await instance.engine.pause(paused.mirror.id, 'user:test')).state).toBe('paused')
    for (const { run } of [stopped, paused]) expect((await instance.engine.wait(run.id)).outcome).toBe('stopped')
    const again = await instance.engine.sync(joined.mirror.id)
    expect(again.run.id).toBe(joined.run.id)
    expect(under).toBe(2)
    gate.resolve()
    expect((await instance.engine.wait(joined.run.id)).outcome).toBe('done')
  })

  test('what had not begun when the server ended is due at once, and says nothing of its mirror', async () => {
    const started = await startAll()
    await begun(2)
    await instance.engine.close()
    const shown = await Promise.all(started.map(({ mirror }) => instance.engine.show(mirror.id)))
    const states = shown.map(({ state }) => state).toSorted()
    expect(states).toEqual(['degraded', 'degraded', ...Array(6).fill('initial')])
    for (const mirror of shown) {
      expect(mirror.lastRun?.outcome).toBe('failed')
      expect(Date.parse(mirror.nextRunAt ?? '')).toBeLessThanOrEqual(Date.now())
    }
  })

  test('another server leaves those that wait in a living one alone, and ends those of a dead one', async () => {
    const started = await startAll()
    await begun(2)
    const other = instance.anotherEngine()
    await other.resume({ isAlone: false })
    const outcomes = async () => {
      const runs = await Promise.all(started.map(({ run, mirror }) => other.run(mirror.id, run.id)))
      return new Set(runs.map(({ outcome }) => outcome))
    }
    expect(await outcomes()).toEqual(new Set(['running']))
    await other.close()
    // As a process leaves it that was killed: nobody extends its leases.
    await instance.db.write((tx) => tx.updateTable('leases').set({ expires_at: '2020-01-01T00:00:00.000Z' }).execute())
    const third = instance.anotherEngine({ sleep: untilAborted })
    await third.resume({ isAlone: false })
    expect((await outcomes()).has('failed')).toBe(true)
  })
})

describe('what is due', () => {
  test('does not wait in the order of time alone: a crowd of one upstream leaves the others their turn', async () => {
    const gate = Promise.withResolvers<void>()
    const instance = await openMirrorInstance({ runsAtOnce: 4, sleep: untilAborted })
    try {
      await instance.addUpstream('slow')
      const slow = memoryRepository()
      const healthy = memoryRepository()
      for (const one of [slow, healthy]) addImage(one, 'one', { tags: ['1'] })
      const mirrors: string[] = []
      for (let i = 0; i < 12; i++) {
        instance.repositories.set(`slow/${i}`, slow)
        mirrors.push((await instance.mirror(`slow/${i}`, `slow-${i}`)).mirrorId)
      }
      instance.repositories.set('hub/app', healthy)
      const { mirrorId } = await instance.mirror('hub/app')
      slow.before = (call) => (call === 'resolve' ? gate.promise : undefined)
      const asked = healthy.calls.length
      await instance.db.write(async (tx) => {
        await tx.updateTable('mirrors').set({ next_run_at: '2020-01-01T00:00:00.000Z' }).execute()
        // The healthy one is due last of all.
        const last = { next_run_at: '2020-01-02T00:00:00.000Z' }
        await tx.updateTable('mirrors').set(last).where('id', '=', mirrorId).execute()
      })
      await instance.engine.resume({ isAlone: true })
      while (healthy.calls.length === asked) await Bun.sleep(1)
      const shown = await Promise.all(mirrors.map((id) => instance.engine.show(id)))
      const running = shown.filter(({ lastRun }) => lastRun?.outcome === 'running')
      // Two have a place, two wait for one; the others wait in the database.
      expect(running.length).toBeLessThanOrEqual(4)
    } finally {
      gate.resolve()
      await instance.close()
    }
  })
})
