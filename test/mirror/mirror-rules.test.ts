import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { moveTag } from '../../src/db/content/tags.ts'
import { NO_TAGS } from '../../src/db/mirrors/mirror-tags.ts'
import { AppError } from '../../src/errors.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addBlob, addImage, addIndex } from './small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

async function tagsOf(name: string): Promise<Record<string, string>> {
  const tags: Record<string, string> = {}
  for await (const { tag, digest } of (await instance.reader(name)).listTags()) tags[tag] = String(digest)
  return tags
}

async function moveByHand(name: string, tag: string, to: string | undefined): Promise<void> {
  const repositoryId = await instance.repositoryId(name)
  await instance.db.write(async (tx) => {
    const row = await tx.selectFrom('repositories').selectAll().where('id', '=', repositoryId).executeTakeFirstOrThrow()
    await moveTag(tx, {
      organizationId: row.organization_id,
      repositoryId,
      repositoryName: row.name,
      tag: tag as Tag,
      to: to as Digest | undefined,
      actor: 'user:test',
      reason: 'moved by a person',
      at: new Date().toISOString(),
    })
  })
}

async function mirrorTag(tag: string) {
  return instance.db.read.selectFrom('mirror_tags').selectAll().where('tag', '=', tag).executeTakeFirstOrThrow()
}

const failOf = async (work: Promise<unknown>): Promise<AppError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof AppError)) throw new Error(`want an AppError, got ${String(error)}`)
  return error
}

describe('the three-way rule on tags', () => {
  test('a tag that a person moved is diverged: a sync leaves it and says so, and moves the others', async () => {
    const one = addImage(upstream, 'one', { tags: ['1', 'latest'] })
    const { mirrorId } = await instance.mirror('hub/app')
    const other = addImage(upstream, 'other', { tags: ['other'] })
    await instance.sync(mirrorId)
    await moveByHand('acme/dhi-app', 'latest', other.digest)
    const two = addImage(upstream, 'two', { tags: ['1', 'latest'] })
    const run = await instance.sync(mirrorId)
    expect([run.outcome, run.counts.tagsMoved]).toEqual(['done', 1])
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': two.digest, latest: other.digest, other: other.digest })
    const row = await mirrorTag('latest')
    expect([row.state, row.synced_digest]).toEqual(['diverged', one.digest])
    expect(row.reason).toContain(other.digest)
  })

  test('a tag that a person deleted stays deleted', async () => {
    addImage(upstream, 'one', { tags: ['1', '2'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await moveByHand('acme/dhi-app', '2', undefined)
    addImage(upstream, 'two', { tags: ['1', '2'] })
    await instance.sync(mirrorId)
    expect(Object.keys(await tagsOf('acme/dhi-app'))).toEqual(['1'])
    expect((await mirrorTag('2')).state).toBe('excluded')
  })

  test('tags that upstream deleted stay, and are reported', async () => {
    addImage(upstream, 'one', { tags: ['1', '2'] })
    const { mirrorId } = await instance.mirror('hub/app')
    upstream.tags.delete('2')
    const plan = await instance.engine.planSync(mirrorId)
    expect(plan.items.filter((item) => item.action === 'retain').map((item) => item.tag)).toEqual(['2'])
    await instance.sync(mirrorId)
    expect(Object.keys(await tagsOf('acme/dhi-app'))).toEqual(['1', '2'])
    expect((await mirrorTag('2')).state).toBe('absent')
  })

  test('an upstream that suddenly lists no tags is an error, and nothing changes', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    upstream.tags.clear()
    const run = await instance.sync(mirrorId)
    expect([run.outcome, run.failures[0]?.code]).toEqual(['failed', 'UPSTREAM_SHRUNK'])
    const mirror = await instance.engine.show(mirrorId)
    expect([mirror.state, mirror.tags.published]).toEqual(['degraded', 1])
    expect(Object.keys(await tagsOf('acme/dhi-app'))).toEqual(['1'])
  })

  test('a digest tag (.sig) is published together with the root that holds its subject, or neither is', async () => {
    const child = addImage(upstream, 'amd64')
    const index = addIndex(upstream, [child], ['1'])
    const signatureTag = `${child.digest.replace(':', '-')}.sig`
    const signature = addImage(upstream, 'signature', { tags: [signatureTag], layers: ['signed'] })
    upstream.blobs.delete(digestOf('signed'))
    const { run, mirrorId } = await instance.mirror('hub/app')
    expect(run.failures.map(({ tag, digest }) => [tag, digest])).toEqual([
      ['1', digestOf('signed')],
      [signatureTag, digestOf('signed')],
    ])
    expect(await tagsOf('acme/dhi-app')).toEqual({})
    addBlob(upstream, 'signed', 'application/octet-stream')
    await instance.sync(mirrorId)
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': index.digest, [signatureTag]: signature.digest })
  })

  test('a digest tag whose subject is not mirrored is mirrored by itself', async () => {
    const signatureTag = `sha256-${'ab'.repeat(32)}.sig`
    const signature = addImage(upstream, 'signature', { tags: [signatureTag] })
    await instance.mirror('hub/app')
    expect(await tagsOf('acme/dhi-app')).toEqual({ [signatureTag]: signature.digest })
  })
})

describe('what a run reports', () => {
  test('a child that upstream does not have makes a sparse index, which is published and reported', async () => {
    const child = addImage(upstream, 'amd64')
    const lost = addImage(upstream, 'arm64')
    upstream.manifests.delete(lost.digest)
    const index = addIndex(upstream, [child, lost], ['1'])
    const { run, mirrorId } = await instance.mirror('hub/app')
    expect(run.outcome).toBe('done')
    expect(run.failures).toEqual([
      { tag: '1', digest: lost.digest, code: 'MANIFEST_UNKNOWN', message: expect.stringContaining(index.digest) },
    ])
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': index.digest })
    upstream.calls.length = 0
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(upstream.calls.filter(({ call }) => call === 'readManifest')).toEqual([])
    // A full pass asks again, and publishes the child that came late.
    addImage(upstream, 'arm64')
    await instance.sync(mirrorId, { full: true })
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: lost.digest as Digest })).toBeDefined()
  })

  test('a blob with other bytes fails only the roots that need it', async () => {
    const good = addImage(upstream, 'good', { tags: ['good'] })
    addImage(upstream, 'bad', { tags: ['bad', 'worse'], layers: ['poison'] })
    const poison = digestOf('poison')
    upstream.blobs.set(poison, new TextEncoder().encode('poisoN'))
    const { run, mirrorId } = await instance.mirror('hub/app')
    expect([run.outcome, run.counts.failed]).toEqual(['partial', 2])
    expect(run.failures.map(({ tag, digest, code }) => [tag, digest, code])).toEqual([
      ['bad', poison, 'DIGEST_INVALID'],
      ['worse', poison, 'DIGEST_INVALID'],
    ])
    expect(await tagsOf('acme/dhi-app')).toEqual({ good: good.digest })
    const mirror = await instance.engine.show(mirrorId)
    expect([mirror.state, mirror.tags]).toEqual(['degraded', { ...NO_TAGS, total: 3, published: 1, failed: 2 }])
    expect(mirror.reason).toContain('2 of 3 tags failed')
    addBlob(upstream, 'poison', 'application/octet-stream')
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect((await instance.engine.show(mirrorId)).state).toBe('active')
  })

  test('a referrer that cannot be fetched holds its root, and the old digest keeps serving', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    const two = addImage(upstream, 'two', { tags: ['1'] })
    const attestation = addImage(upstream, 'attestation', { subject: two, layers: ['statement'] })
    upstream.blobs.delete(digestOf('statement'))
    const run = await instance.sync(mirrorId)
    expect(run.failures.map(({ tag, digest }) => [tag, digest])).toEqual([['1', digestOf('statement')]])
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': one.digest })
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: two.digest as Digest })).toBeUndefined()
    expect(await reader.resolve({ digest: attestation.digest as Digest })).toBeUndefined()
  })

  test('a list of referrers that cannot be had is a failure, never "no referrers"', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    upstream.before = (call) => {
      if (call === 'listReferrers') throw new AppError('UPSTREAM_RATE_LIMITED', '429')
    }
    const { run, mirrorId } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures[0]?.code]).toEqual(['failed', 'UPSTREAM_RATE_LIMITED'])
    expect(await tagsOf('acme/dhi-app')).toEqual({})
    upstream.before = () => {}
    await instance.sync(mirrorId)
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': image.digest })
  })

  test('an attestation that comes late to an unchanged image is found and published', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    const late = addImage(upstream, 'late', { subject: image })
    const deeper = addImage(upstream, 'signature of late', { subject: late })
    const run = await instance.sync(mirrorId)
    expect([run.counts.tagsMoved, run.counts.referrers]).toEqual([0, 2])
    const reader = await instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: late.digest as Digest })).toBeDefined()
    expect(await reader.resolve({ digest: deeper.digest as Digest })).toBeDefined()
  })

  test('a signature that comes late to a known attestation is found by a full pass', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const attestation = addImage(upstream, 'attestation', { subject: image })
    const { mirrorId } = await instance.mirror('hub/app')
    const late = addImage(upstream, 'late signature', { subject: attestation })
    expect((await instance.sync(mirrorId)).counts.referrers).toBe(0)
    expect((await instance.sync(mirrorId, { full: true })).counts.referrers).toBe(1)
    expect(await (await instance.reader('acme/dhi-app')).resolve({ digest: late.digest as Digest })).toBeDefined()
  })
})

describe('what upstream says is checked', () => {
  test('a list of referrers that names strangers adds nothing to the image', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const stranger = addImage(upstream, 'stranger')
    const real = addImage(upstream, 'real', { subject: image })
    const reader = upstream.reader()
    const listReferrers = async () => ({
      items: (async function* () {
        yield* [stranger, real] as unknown as Descriptor[]
      })(),
    })
    instance.repositories.set('hub/app', { ...upstream, reader: () => ({ ...reader, listReferrers }) })
    expect((await instance.mirror('hub/app')).run.outcome).toBe('done')
    const served = await instance.reader('acme/dhi-app')
    expect(await served.resolve({ digest: real.digest as Digest })).toBeDefined()
    expect(await served.resolve({ digest: stranger.digest as Digest })).toBeUndefined()
  })

  test('a manifest of Docker schema 1 is reported, and the others go on', async () => {
    const good = addImage(upstream, 'one', { tags: ['1'] })
    const mediaType = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
    const bytes = new TextEncoder().encode(
      JSON.stringify({ schemaVersion: 1, name: 'app', tag: 'old', fsLayers: [], history: [] }),
    )
    upstream.manifests.set(digestOf(bytes), { mediaType, bytes })
    upstream.tags.set('old', digestOf(bytes))
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures.map(({ tag }) => tag)]).toEqual(['partial', ['old']])
    expect(run.failures[0]?.message).toContain('schema version 1')
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': good.digest })
  })

  test('what does not fit into the quota of the organization is not fetched', async () => {
    await instance.db.write((tx) => tx.updateTable('organizations').set({ quota_bytes: 1000 }).execute())
    const small = addImage(upstream, 'small', { tags: ['small'] })
    addImage(upstream, 'big', { tags: ['big'], layers: ['x'.repeat(2000)] })
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures.map(({ tag, code }) => [tag, code])]).toEqual(['partial', [['big', 'DENIED']]])
    expect(run.failures[0]?.message).toContain('quota')
    expect(upstream.calls.some(({ call, of }) => call === 'openBlob' && of === digestOf('x'.repeat(2000)))).toBe(false)
    expect(await tagsOf('acme/dhi-app')).toEqual({ small: small.digest })
  })

  test('an upstream that is down is not asked for each of a thousand things', async () => {
    for (let n = 0; n < 200; n++) addImage(upstream, `image ${n}`, { tags: [`t${n}`] })
    upstream.before = (call) => {
      if (call !== 'listTags') throw new AppError('UPSTREAM_UNAVAILABLE', 'the host is down')
    }
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.counts.failed]).toEqual(['failed', 200])
    expect(upstream.calls.length).toBeLessThan(40)
  })
})

describe('rules of the repository', () => {
  test('immutable tags bind mirrors too: the tag stays, and the run says why', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await instance.db.write((tx) => tx.updateTable('repositories').set({ immutable_tags: 'all' }).execute())
    addImage(upstream, 'two', { tags: ['1'] })
    const three = addImage(upstream, 'three', { tags: ['3'] })
    const run = await instance.sync(mirrorId)
    expect([run.outcome, run.failures.map(({ tag, code }) => [tag, code])]).toEqual(['partial', [['1', 'DENIED']]])
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': one.digest, '3': three.digest })
  })

  test('a repository without a mirror is taken by --adopt: what people put there stays theirs', async () => {
    const mine = addImage(upstream, 'mine', { tags: ['mine'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await instance.engine.stop(mirrorId, 'user:test')
    await instance.db.write((tx) => tx.deleteFrom('mirrors').execute())
    upstream.tags.clear()
    addImage(upstream, 'theirs', { tags: ['mine', 'new'] })
    const request = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:test', adopt: true }
    const plan = await instance.engine.planStart(request)
    expect(plan.totals).toMatchObject({ tagsMoved: 1, tagsSkipped: 1 })
    const { run, mirror } = await instance.engine.start(request)
    expect([mirror.id === mirrorId, (await instance.engine.wait(run.id)).outcome]).toEqual([false, 'done'])
    expect((await tagsOf('acme/dhi-app')).mine).toBe(mine.digest)
    expect((await mirrorTag('mine')).state).toBe('diverged')
  })
})

describe('starting and stopping', () => {
  test('a repository that upstream does not have leaves no trace', async () => {
    const error = await failOf(
      instance.engine.start({ organization: 'acme', upstream: 'hub', repository: 'nothing', by: 'user:test' }),
    )
    expect(error.code).toBe('UPSTREAM_NOT_FOUND')
    for (const table of ['repositories', 'mirrors', 'sync_runs'] as const) {
      expect(await instance.db.read.selectFrom(table).selectAll().execute()).toEqual([])
    }
  })

  test('nested names flatten, --as is literal, and a name that is taken comes with a suggestion', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    instance.repositories.set('hub/team/app', upstream)
    const start = { organization: 'acme', upstream: 'hub', by: 'user:test' }
    const nested = await instance.engine.start({ ...start, repository: 'team/app' })
    expect(nested.mirror.repository).toBe('acme/dhi-team-app')
    expect((await instance.engine.start({ ...start, repository: 'app', as: 'mine/app' })).mirror.repository).toBe(
      'acme/mine/app',
    )
    const error = await failOf(instance.engine.start({ ...start, repository: 'app', as: 'dhi-team-app' }))
    expect([error.code, error.detail]).toMatchObject(['CONFLICT', { suggestion: 'dhi-team-app-2' }])
    expect(error.message).toContain('--as dhi-team-app-2')
    expect((await failOf(instance.engine.start({ ...start, repository: 'team/app', adopt: true }))).code).toBe(
      'CONFLICT',
    )
  })

  test('stopping twice is fine; a stopped mirror keeps its images, does not sync, and is restarted by --adopt', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    expect((await instance.engine.stop(mirrorId, 'user:test')).state).toBe('stopped')
    expect((await instance.engine.stop(mirrorId, 'user:test')).state).toBe('stopped')
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': image.digest })
    expect((await failOf(instance.engine.sync(mirrorId))).code).toBe('CONFLICT')
    const request = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:test' }
    expect((await failOf(instance.engine.start(request))).message).toContain('--adopt')
    const again = await instance.engine.start({ ...request, adopt: true })
    expect(again.mirror.id).toBe(mirrorId)
    const run = await instance.engine.wait(again.run.id)
    expect([run.outcome, run.counts.tagsUnchanged]).toEqual(['done', 1])
  })

  test('stopping ends the run under way', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const reached = Promise.withResolvers<void>()
    upstream.before = (call, _of, signal) => {
      if (call !== 'openBlob') return
      reached.resolve()
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const { mirror, run } = await instance.engine.start({
      organization: 'acme',
      upstream: 'hub',
      repository: 'app',
      by: 'user:test',
    })
    await reached.promise
    expect((await instance.engine.stop(mirror.id, 'user:test')).state).toBe('stopped')
    const ended = await instance.engine.wait(run.id)
    expect([ended.outcome, ended.failures]).toEqual(['stopped', []])
    expect(await tagsOf('acme/dhi-app')).toEqual({})
  })

  test('making the repository public stops updates', async () => {
    const one = addImage(upstream, 'one', { tags: ['1'] })
    const { mirrorId } = await instance.mirror('hub/app')
    await instance.db.write((tx) => tx.updateTable('repositories').set({ visibility: 'public' }).execute())
    addImage(upstream, 'two', { tags: ['1'] })
    const run = await instance.sync(mirrorId)
    expect([run.outcome, run.failures[0]?.code]).toEqual(['failed', 'CONFLICT'])
    expect(run.failures[0]?.message).toContain('public')
    expect(await tagsOf('acme/dhi-app')).toEqual({ '1': one.digest })
  })

  test('a plan says what a start would do and makes nothing', async () => {
    const layer = 'x'.repeat(1000)
    const image = addImage(upstream, 'one', { tags: ['1', '1.0'], layers: [layer] })
    addImage(upstream, 'attestation', { subject: image })
    const plan = await instance.engine.planStart({ organization: 'acme', upstream: 'hub', repository: 'app' })
    expect(plan.totals).toMatchObject({ tagsMoved: 2, manifests: 1, referrers: 1 })
    expect(plan.totals.sizeBytes).toBeGreaterThan(1000)
    expect(plan.items.filter((item) => item.action === 'move').map((item) => item.tag)).toEqual(['1', '1.0'])
    expect(upstream.calls.some(({ call }) => call === 'openBlob')).toBe(false)
    expect(await instance.db.read.selectFrom('repositories').selectAll().execute()).toEqual([])
  })

  test('what upstream had at the call of sync is here when its run has ended, though another was under way', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    const reached = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    upstream.before = async (call) => {
      if (call !== 'openBlob') return
      reached.resolve()
      await go.promise
    }
    const first = await instance.engine.start({
      organization: 'acme',
      upstream: 'hub',
      repository: 'app',
      by: 'user:test',
    })
    await reached.promise
    const two = addImage(upstream, 'two', { tags: ['2'] })
    const second = await instance.engine.sync(first.mirror.id)
    const joined = await instance.engine.sync(first.mirror.id)
    expect([second.run.id === first.run.id, joined.run.id === second.run.id]).toEqual([false, true])
    go.resolve()
    expect((await instance.engine.wait(second.run.id)).outcome).toBe('done')
    expect((await tagsOf('acme/dhi-app'))['2']).toBe(two.digest)
  })
})
