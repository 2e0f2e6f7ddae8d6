// A mirror pauses and resumes: by hand, by the rule of the private repository, by what upstream says; the causes stand side by side.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { hurryQuotaPaused } from '../../../src/db/mirrors/life.ts'
import { changeRepository, type RepositoryChange } from '../../../src/db/mirrors/repository-settings.ts'
import { findOrganization } from '../../../src/db/people/organizations.ts'
import { findRepository } from '../../../src/db/repositories/repositories.ts'
import { AppError } from '../../../src/errors.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../../src/oci/reference.ts'
import { deleteManifest } from '../../../src/registry/manifests.ts'
import { removeRepository } from '../../../src/registry/repositories.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
let mirrorId: string
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
  addImage(upstream, 'one', { tags: ['1'] })
  mirrorId = (await instance.mirror('hub/app')).mirrorId
})
afterEach(() => instance.close())

const NAME = parseRepositoryName('acme/dhi-app')

async function change(o: RepositoryChange): Promise<void> {
  await instance.db.write(async (tx) => {
    const repository = await findRepository(tx, NAME)
    if (repository === undefined) throw new Error('there is no repository')
    await changeRepository(tx, repository, o, { actor: 'user:test', at: new Date().toISOString() })
  })
  await instance.engine.halt(mirrorId)
}

const show = () => instance.engine.show(mirrorId)
const kinds = async () =>
  (await instance.db.read.selectFrom('events').select('kind').orderBy('seq').execute())
    .map(({ kind }) => kind)
    // Each mirror of these tests has had its first pass.
    .filter((kind) => kind.startsWith('mirror.') && kind !== 'mirror.synced')
const isFullDue = async () =>
  (await instance.db.read.selectFrom('mirrors').select('full_due').executeTakeFirstOrThrow()).full_due === 1

describe('the rule of the private repository', () => {
  test('made public it pauses with reason, time and way out; private again it is due at once, for a full check', async () => {
    await change({ visibility: 'public' })
    const paused = await show()
    expect([paused.state, paused.nextRunAt]).toEqual(['paused', null])
    expect(paused.reason).toContain('public')
    expect(paused.remedy).toBe('repository change acme/dhi-app --visibility private')
    expect(instance.engine.sync(mirrorId)).rejects.toMatchObject({ code: 'CONFLICT' })
    await change({ visibility: 'private' })
    const resumed = await show()
    expect([resumed.state, resumed.pauses, await isFullDue()]).toEqual(['active', [], true])
    expect(resumed.nextRunAt).not.toBeNull()
    expect(await kinds()).toEqual(['mirror.paused', 'mirror.resumed'])
  })

  test('public and archived: it goes on only when both have ended, in either order', async () => {
    for (const first of ['public', 'archived'] as const) {
      await change({ visibility: 'public', archived: true })
      expect((await show()).pauses.map(({ cause }) => cause).sort()).toEqual(['archived', 'public'])
      await change(first === 'public' ? { visibility: 'private' } : { archived: false })
      expect([(await show()).state, (await show()).nextRunAt]).toEqual(['paused', null])
      await change({ visibility: 'private', archived: false })
      expect((await show()).state).toBe('active')
    }
  })

  test('another change of the repository neither pauses nor resumes', async () => {
    await instance.engine.pause(mirrorId, 'user:test')
    await change({ description: 'new' })
    expect((await show()).pauses.map(({ cause }) => cause)).toEqual(['hand'])
  })

  test('a pass under way publishes nothing once the repository is public', async () => {
    addImage(upstream, 'two', { tags: ['2'] })
    const reached = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    upstream.before = async (call) => {
      if (call !== 'openBlob') return
      reached.resolve()
      await go.promise
    }
    const { run } = await instance.engine.sync(mirrorId)
    await reached.promise
    const changed = change({ visibility: 'public' })
    go.resolve()
    await changed
    expect((await instance.engine.wait(run.id)).outcome).toBe('stopped')
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: upstream.tags.get('2') as Digest })).toBeUndefined()
  })
})

describe('by hand', () => {
  test('nothing runs until it is resumed, over a restart of the engine too', async () => {
    const paused = await instance.engine.pause(mirrorId, 'user:ann')
    expect([paused.state, paused.nextRunAt, paused.remedy]).toEqual(['paused', null, 'mirror resume acme/dhi-app'])
    const again = instance.anotherEngine()
    await again.resume({ isAlone: true })
    expect((await again.show(mirrorId)).nextRunAt).toBeNull()
    await again.close()
    const resumed = await instance.engine.unpause(mirrorId, 'user:ann')
    expect([resumed.state, resumed.nextRunAt === null]).toEqual(['active', false])
    expect(await kinds()).toEqual(['mirror.paused', 'mirror.resumed'])
  })

  test('twice is as good as once, and a stopped mirror says what to do instead', async () => {
    const first = await instance.engine.pause(mirrorId, 'user:ann')
    const second = await instance.engine.pause(mirrorId, 'user:bob')
    expect(second.since).toBe(first.since)
    await instance.engine.stop(mirrorId, 'user:ann')
    for (const call of [instance.engine.pause, instance.engine.unpause]) {
      expect(call(mirrorId, 'user:ann')).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('mirror restart acme/dhi-app'),
      })
    }
    expect((await show()).pauses).toEqual([])
  })
})

describe('by upstream', () => {
  for (const [code, cause] of [
    ['UPSTREAM_NOT_FOUND', 'gone'],
    ['UPSTREAM_DENIED', 'credentials'],
  ] as const) {
    test(`${code} pauses for ${cause}, is tried again by itself, and a good run ends it`, async () => {
      upstream.before = (call) => {
        if (call === 'listTags') throw new AppError(code, 'in the words of upstream')
      }
      expect((await instance.sync(mirrorId)).outcome).toBe('failed')
      const paused = await show()
      expect([paused.state, paused.pauses.map((one) => one.cause)]).toEqual(['paused', [cause]])
      expect(paused.reason).toContain('in the words of upstream')
      expect(paused.nextRunAt).not.toBeNull()
      upstream.before = () => {}
      expect((await instance.sync(mirrorId)).outcome).toBe('done')
      expect([(await show()).state, (await show()).pauses]).toEqual(['active', []])
      expect(await kinds()).toEqual(['mirror.paused', 'mirror.degraded', 'mirror.resumed', 'mirror.recovered'])
    })
  }

  test('a host that is down does not pause: it is degraded, and what paused it before still holds', async () => {
    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'down')
    }
    await instance.sync(mirrorId)
    expect((await show()).state).toBe('degraded')
    upstream.before = () => {
      throw new AppError('UPSTREAM_NOT_FOUND', 'gone')
    }
    await instance.sync(mirrorId)
    upstream.before = () => {
      throw new AppError('UPSTREAM_UNAVAILABLE', 'down')
    }
    await instance.sync(mirrorId)
    expect((await show()).pauses.map(({ cause }) => cause)).toEqual(['gone'])
  })

  test('over the quota it pauses, and goes on when there is room', async () => {
    const setQuota = (bytes: number | null) =>
      instance.db.write((tx) => tx.updateTable('organizations').set({ quota_bytes: bytes }).execute())
    await setQuota(1)
    addImage(upstream, 'two', { tags: ['2'] })
    await instance.sync(mirrorId)
    const paused = await show()
    expect([paused.state, paused.pauses.map(({ cause }) => cause)]).toEqual(['paused', ['quota']])
    expect(paused.remedy).toBe('organization change acme --quota-bytes BYTES')
    await setQuota(null)
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect((await show()).state).toBe('active')
  })

  test('over the quota it goes on at once, with a full check, when another repository is deleted, and soon when a manifest is', async () => {
    const other = memoryRepository()
    instance.repositories.set('hub/other', other)
    const image = addImage(other, 'other', { tags: ['1'] })
    const otherId = (await instance.mirror('hub/other')).mirrorId
    await instance.db.write((tx) => tx.updateTable('organizations').set({ quota_bytes: 1 }).execute())
    addImage(upstream, 'two', { tags: ['2'] })
    await instance.sync(mirrorId)
    expect((await show()).state).toBe('paused')

    const repository = await findRepository(instance.db.read, parseRepositoryName('acme/dhi-other'))
    if (repository === undefined) throw new Error('there is no repository')
    const organization = await findOrganization(instance.db.read, 'acme')
    if (organization === undefined) throw new Error('there is no organization')
    const destination = { organization, name: parseRepositoryName(repository.name), actor: 'user:ann' }
    const before = (await show()).nextRunAt ?? ''
    await deleteManifest({ db: instance.db, clock: systemClock }, destination, repository, image.digest as Digest)
    const soon = (await show()).nextRunAt ?? ''
    expect([(await show()).state, soon < before, Date.parse(soon) - Date.now() <= 60_000]).toEqual([
      'paused',
      true,
      true,
    ])
    // Another piece puts nothing off.
    await instance.db.write((tx) => hurryQuotaPaused(tx, repository.organization_id, new Date().toISOString()))
    expect((await show()).nextRunAt).toBe(soon)

    await instance.engine.stop(otherId, 'user:ann')
    await removeRepository(instance.db, repository, 'user:ann')
    const after = await show()
    expect([after.state, after.pauses, (after.nextRunAt ?? '') <= new Date().toISOString()]).toEqual([
      'degraded',
      [],
      true,
    ])
    expect([await isFullDue(), (await kinds()).at(-1)]).toEqual([true, 'mirror.resumed'])
  })
})

describe('each state', () => {
  test('says why, since when, and the line that ends it', async () => {
    const standing = async () => {
      const { state, reason, remedy } = await show()
      return [state, reason, remedy]
    }
    expect(await standing()).toEqual(['active', null, null])
    const go = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    upstream.before = async () => {
      reached.resolve()
      await go.promise
    }
    const { run } = await instance.engine.sync(mirrorId)
    await reached.promise
    expect(await standing()).toEqual(['syncing', 'a run is under way', null])
    go.resolve()
    await instance.engine.wait(run.id)
    await instance.engine.stop(mirrorId, 'user:ann')
    expect(await standing()).toEqual(['stopped', 'it was stopped by hand', 'mirror restart acme/dhi-app'])
    const again = await instance.engine.restart(mirrorId, { by: 'user:ann' })
    expect([again.mirror.state, again.mirror.reason]).toEqual(['initial', 'its first run has not ended'])
    await instance.engine.wait(again.run.id)
  })

  test('of a shared upstream, a line that changes the shared one', async () => {
    upstream.before = () => {
      throw new AppError('UPSTREAM_DENIED', 'no')
    }
    await instance.sync(mirrorId)
    const remedy = (organization: string) => `upstream change hub ${organization} --username USER --password-stdin`
    expect((await show()).remedy).toBe(remedy('--shared'))
    const { id } = await instance.db.read.selectFrom('organizations').select('id').executeTakeFirstOrThrow()
    await instance.db.write((tx) => tx.updateTable('upstreams').set({ organization_id: id }).execute())
    expect((await show()).remedy).toBe(remedy('--org acme'))
  })
})

describe('restart', () => {
  test('a stopped mirror goes on as it was, with a full check', async () => {
    await instance.engine.stop(mirrorId, 'user:ann')
    const two = addImage(upstream, 'two', { tags: ['1'] })
    const { run } = await instance.engine.restart(mirrorId, { by: 'user:ann' })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
    expect((await show()).state).toBe('active')
    expect(await (await instance.reader('acme/dhi-app')).resolve({ digest: two.digest as Digest })).toBeDefined()
  })

  test('from another source, stopped or not; a source that cannot be reached changes nothing', async () => {
    const other = memoryRepository()
    instance.repositories.set('hub/other', other)
    const image = addImage(other, 'other', { tags: ['new'] })
    const from = { upstream: 'hub', repository: 'absent' }
    expect(instance.engine.restart(mirrorId, { by: 'user:ann', from })).rejects.toBeInstanceOf(AppError)
    expect((await show()).source.repository).toBe('app')
    const { run } = await instance.engine.restart(mirrorId, { by: 'user:ann', from: { ...from, repository: 'other' } })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
    expect((await show()).source.repository).toBe('other')
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: image.digest as Digest })).toBeDefined()
    const description = async () => (await findRepository(instance.db.read, NAME))?.description
    expect(await description()).toBe('Mirror of hub/other')
    const [explained] = (await instance.engine.explain(mirrorId, { tags: [parseTag('1')], limit: 10 })).tags
    expect([explained?.state, explained?.reason]).toEqual([
      'absent',
      'upstream has no such tag; what is here came from the source that was mirrored before',
    ])
    await change({ description: 'ours' })
    const back = await instance.engine.restart(mirrorId, { by: 'user:ann', from: { ...from, repository: 'app' } })
    await instance.engine.wait(back.run.id)
    expect(await description()).toBe('ours')
    // What came before stays.
    expect(await reader.resolve({ digest: upstream.tags.get('1') as Digest })).toBeDefined()
  })

  test('made public while upstream is asked, it is not started on a public repository', async () => {
    await instance.engine.stop(mirrorId, 'user:ann')
    upstream.before = () => change({ visibility: 'public' })
    await expect(instance.engine.restart(mirrorId, { by: 'user:ann' })).rejects.toMatchObject({ code: 'CONFLICT' })
    expect((await show()).state).toBe('stopped')
  })

  test('one that is at work says that there is nothing to restart', () => {
    expect(instance.engine.restart(mirrorId, { by: 'user:ann' })).rejects.toMatchObject({ code: 'CONFLICT' })
  })
})

describe('settings', () => {
  test('a schedule of its own counts from now on; null is the default again', async () => {
    const hourly = await instance.engine.change(mirrorId, { schedule: { every: '1h' } }, 'user:ann')
    expect(hourly.schedule).toEqual({ every: '1h' })
    const wait = Date.parse(hourly.nextRunAt ?? '') - Date.now()
    expect(wait > 50 * 60_000 && wait < 70 * 60_000).toBe(true)
    const nightly = await instance.engine.change(mirrorId, { schedule: { cron: '0 3 * * *' } }, 'user:ann')
    expect(nightly.nextRunAt).toEndWith('T03:00:00.000Z')
    await instance.sync(mirrorId)
    expect((await show()).nextRunAt).toEndWith('T03:00:00.000Z')
    expect((await instance.engine.change(mirrorId, { schedule: null }, 'user:ann')).schedule).toEqual({ every: '15m' })
  })
})

describe('a run under way on another server', () => {
  const ends = {
    deleted: async () => {
      const repository = await findRepository(instance.db.read, NAME)
      if (repository !== undefined) await removeRepository(instance.db, repository, 'user:ann')
    },
    paused: () => instance.engine.pause(mirrorId, 'user:ann'),
    stopped: () => instance.engine.stop(mirrorId, 'user:ann'),
  }

  test.each(Object.entries(ends))('ends soon when its mirror is %s, with nothing more fetched', async (_how, end) => {
    // Short, so that it looks soon; not so short that a busy machine loses the lease before the run is where it is waited for.
    const other = instance.anotherEngine({ leaseTtlMs: 2000 })
    await other.resume({ isAlone: false })
    addImage(upstream, 'two', { tags: ['2'] })
    const reached = Promise.withResolvers<void>()
    upstream.before = async (call, _of, signal) => {
      if (call !== 'openBlob') return
      reached.resolve()
      await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const { run } = await other.sync(mirrorId)
    await reached.promise
    await end()
    // It is in the middle of a blob that never comes.
    const ended = await other.wait(run.id).then(
      ({ outcome }) => outcome,
      ({ code }) => code,
    )
    expect(['stopped', 'NOT_FOUND']).toContain(ended)
    upstream.before = () => {}
    await other.close()
  })
})
