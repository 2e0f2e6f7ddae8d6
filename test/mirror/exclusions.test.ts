// People's decisions about tags while passes are under way, and runs of single tags.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Writable } from 'node:stream'
import pino from 'pino'
import { AppError } from '../../src/errors.ts'
import { excludeMirrorTag, releaseMirrorTag } from '../../src/mirror/life/exclusions.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { RepositoryName, Tag } from '../../src/oci/reference.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addBlob, addImage } from './small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

const tagSet = (...names: string[]) => new Set(names as Tag[])
const change = () => ({
  repository: 'acme/dhi-app' as RepositoryName,
  by: 'user:test',
  at: new Date().toISOString(),
})
const exclude = (tag: string) => excludeMirrorTag(instance.db, { ...change(), tag: tag as Tag, reason: 'not for us' })
const release = (tag: string) => releaseMirrorTag(instance.db, { ...change(), of: { tag: tag as Tag } })

async function tagsOf(): Promise<Record<string, string>> {
  const tags: Record<string, string> = {}
  for await (const { tag, digest } of (await instance.reader('acme/dhi-app')).listTags()) tags[tag] = String(digest)
  return tags
}

/** Holds the next transfer of a blob until it is let go. */
function holdTransfer(): { readonly reached: Promise<void>; go(): void } {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  upstream.before = async (call) => {
    if (call !== 'openBlob') return
    reached.resolve()
    await gate.promise
  }
  return { reached: reached.promise, go: () => gate.resolve() }
}

describe('a decision that comes while a pass is under way', () => {
  test('is obeyed by its publisher: an excluded tag is not put there, and stays excluded after the pass', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    const hold = holdTransfer()
    const two = addImage(upstream, 'two', { tags: ['1', '2', '3'] })
    const { run } = await instance.engine.sync(mirrorId)
    await hold.reached
    await exclude('1')
    await exclude('2')
    hold.go()
    const ended = await instance.engine.wait(run.id)
    expect([ended.outcome, ended.counts.tagsMoved, ended.counts.tagsExcluded]).toEqual(['done', 1, 2])
    expect(await tagsOf()).toEqual({ '1': one.digest, '3': two.digest })
    const { tags, state } = await instance.engine.show(mirrorId)
    expect([state, tags.excluded, tags.diverged, tags.total]).toEqual(['active', 2, 0, 1])
  })

  test('a release is not undone by what the pass saw before', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await exclude('2')
    const hold = holdTransfer()
    const two = addImage(upstream, 'two', { tags: ['2', '3'] })
    const { run } = await instance.engine.sync(mirrorId)
    await hold.reached
    expect((await release('2')).wasExcluded).toBe(true)
    hold.go()
    await instance.engine.wait(run.id)
    expect(await tagsOf()).toEqual({ '1': one.digest, '3': two.digest })
    await instance.sync(mirrorId)
    expect(await tagsOf()).toEqual({ '1': one.digest, '2': two.digest, '3': two.digest })
  })
})

describe('what is excluded', () => {
  test('is not asked for, holds nothing else back, and what shares its digest is mirrored', async () => {
    addImage(upstream, 'bad', { tags: ['bad'], layers: ['poison'] })
    upstream.blobs.delete(digestOf('poison'))
    const good = addImage(upstream, 'good', { tags: ['good', 'same'] })
    const { mirrorId, run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures[0]?.message]).toEqual([
      'partial',
      expect.stringContaining('kagami tag exclude acme/dhi-app bad'),
    ])
    await exclude('bad')
    await exclude('same')
    upstream.calls.length = 0
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(upstream.calls.filter(({ of }) => of === 'bad' || of === 'same')).toEqual([])
    expect(await tagsOf()).toEqual({ good: good.digest, same: good.digest })
    // A plan knows it too.
    const plan = await instance.engine.planSync(mirrorId)
    const skipped = plan.items.filter(({ action }) => action === 'skip')
    expect(skipped.map(({ tag, reason }) => [tag, reason])).toEqual([
      ['bad', 'excluded: not for us'],
      ['same', 'excluded: not for us'],
    ])
  })

  test('ends the alarm only when no other tag fails, and never that of a run that failed as a whole', async () => {
    for (const name of ['a', 'b']) {
      addImage(upstream, name, { tags: [name], layers: [`poison ${name}`] })
      upstream.blobs.delete(digestOf(`poison ${name}`))
    }
    addImage(upstream, 'good', { tags: ['good'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await exclude('a')
    const half = await instance.engine.show(mirrorId)
    expect([half.state, half.reason]).toEqual(['degraded', expect.stringMatching(/^1 of 2 tags failed, b: /)])
    upstream.before = (call) => {
      if (call === 'listTags') throw new AppError('UPSTREAM_UNAVAILABLE', 'the host is down')
    }
    await instance.sync(mirrorId)
    await exclude('b')
    const down = await instance.engine.show(mirrorId)
    expect([down.state, down.reason]).toEqual(['degraded', 'the host is down'])
  })

  test('a passing failure names no command that would accept it', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    upstream.before = (call) => {
      if (call === 'resolve') throw new AppError('UPSTREAM_RATE_LIMITED', '429')
    }
    expect((await instance.mirror('hub/app')).run.failures[0]?.message).toBe('429')
  })

  test('a tag that came to a deleted digest, and never was here, comes when upstream moves it on', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await instance.db.write((tx) =>
      tx
        .insertInto('mirror_exclusions')
        .values({ mirror_id: mirrorId, digest: one.digest, tags: '[]', excluded_by: null, excluded_at: '-' })
        .execute(),
    )
    upstream.tags.set('late', one.digest)
    await instance.sync(mirrorId)
    expect(Object.keys(await tagsOf())).toEqual(['1'])
    const two = addImage(upstream, 'two', { tags: ['late'] })
    await instance.sync(mirrorId)
    expect((await tagsOf()).late).toBe(two.digest)
  })
})

describe('a run of single tags', () => {
  test('waits behind the present one apart from the runs of all, and takes in who else names tags', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const hold = holdTransfer()
    const request = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:test' }
    const { mirror, run } = await instance.engine.start(request)
    await hold.reached
    for (const name of ['2', '3', '4']) addImage(upstream, name, { tags: [name] })
    const second = await instance.engine.sync(mirror.id, { only: tagSet('2') })
    const joined = await instance.engine.sync(mirror.id, { only: tagSet('3') })
    const all = await instance.engine.sync(mirror.id)
    expect([joined.run.id === second.run.id, all.run.id === second.run.id]).toEqual([true, false])
    hold.go()
    await instance.engine.wait(run.id)
    const some = await instance.engine.wait(second.run.id)
    expect([some.tags, some.counts.tagsMoved]).toEqual([['2', '3'], 2])
    const whole = await instance.engine.wait(all.run.id)
    expect([whole.tags, whole.counts.tagsMoved]).toEqual([null, 1])
    expect(Object.keys(await tagsOf())).toEqual(['1', '2', '3', '4'])
  })

  test('brings what hangs on them, its signature tags too, and leaves the plan of the others alone', async () => {
    const { mirrorId } = await (async () => {
      addImage(upstream, 'zero', { tags: ['0'] })
      return instance.mirror('hub/app')
    })()
    const before = (await instance.engine.show(mirrorId)).nextRunAt
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const other = addImage(upstream, 'other', { tags: ['2'] })
    const signature = addImage(upstream, 'signature', { tags: [`${one.digest.replace(':', '-')}.sig`] })
    addImage(upstream, 'other signature', { tags: [`${other.digest.replace(':', '-')}.sig`] })
    const attestation = addImage(upstream, 'attestation', { subject: one })
    upstream.tags.delete('0')
    const { run } = await instance.engine.sync(mirrorId, { only: tagSet('1') })
    expect((await instance.engine.wait(run.id)).outcome).toBe('done')
    expect(Object.keys(await tagsOf()).sort()).toEqual(
      ['0', '1', [...upstream.tags].find(([, digest]) => digest === signature.digest)?.[0] ?? ''].sort(),
    )
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: attestation.digest as Digest })).toBeDefined()
    const after = await instance.engine.show(mirrorId)
    expect([after.nextRunAt, after.tags.absent]).toEqual([before, 0])
  })

  test('makes the mirror degraded when they fail, and a pass over all comes at once when they no longer do', async () => {
    addImage(upstream, 'zero', { tags: ['0'] })
    const { mirrorId } = await instance.mirror('hub/app')
    addImage(upstream, 'bad', { tags: ['bad'], layers: ['poison'] })
    upstream.blobs.delete(digestOf('poison'))
    const sync = async () =>
      instance.engine.wait((await instance.engine.sync(mirrorId, { only: tagSet('bad') })).run.id)
    expect((await sync()).outcome).toBe('failed')
    const failed = await instance.engine.show(mirrorId)
    expect([failed.state, failed.tags]).toMatchObject(['degraded', { total: 2, published: 1, failed: 1 }])
    addBlob(upstream, 'poison', 'application/octet-stream')
    expect((await sync()).outcome).toBe('done')
    const { nextRunAt } = await instance.engine.show(mirrorId)
    expect(Date.parse(nextRunAt ?? '')).toBeLessThanOrEqual(Date.now())
  })
})

test('a failed run is one line in the log, and its stack another for those who look for it', async () => {
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const engine = instance.anotherEngine({ logger: pino({ level: 'debug', base: null }, sink) })
  addImage(upstream, 'one', { tags: ['1'] })
  const { mirrorId } = await instance.mirror('hub/app')
  upstream.before = (call) => {
    if (call === 'listTags') throw new AppError('UPSTREAM_UNAVAILABLE', 'the host is down')
  }
  await engine.wait((await engine.sync(mirrorId)).run.id)
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [40, 'a run failed'],
    [20, 'where the run failed'],
  ])
  expect(lines[0]).toMatchObject({ mirror: 'acme/dhi-app', code: 'UPSTREAM_UNAVAILABLE', reason: 'the host is down' })
  expect(JSON.stringify(lines[0])).not.toContain('stack')
  expect(JSON.stringify(lines[1])).toContain('stack')
})
