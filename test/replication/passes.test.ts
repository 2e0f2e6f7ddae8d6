// What a pass sends, what it asks for, and what becomes of tags that others touch: the way of a replication over both databases.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Digest } from '../../src/oci/digest.ts'
import { addImage, addIndex } from '../mirror/small-images.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { fallbackTagOf } from '../support/fixtures.ts'
import type { MemoryRepository } from '../support/memory-repository.ts'
import type { MemoryTarget } from '../support/memory-target.ts'
import { openReplicationInstance, type ReplicationInstance } from './replication-instance.ts'

describeOnEachEngine('replications', (openFresh) => {
  let instance: ReplicationInstance
  let upstream: MemoryRepository
  let target: MemoryTarget
  beforeEach(async () => {
    instance = await openReplicationInstance({ db: await openFresh() })
    upstream = instance.upstream('app')
    target = await instance.addTarget('hub')
  })
  afterEach(() => instance.close())

  const there = (name = 'base/app') => target.repositories.get(name) as MemoryRepository

  test('a run brings tags with children, attestations at every level and digest tags; a second one asks one HEAD a tag', async () => {
    const amd = addImage(upstream, 'amd')
    const arm = addImage(upstream, 'arm')
    const index = addIndex(upstream, [amd, arm], ['1', 'latest'])
    const att = addImage(upstream, 'att', { subject: amd, artifactType: 'application/att' })
    const sig = addImage(upstream, 'sig', { subject: att, artifactType: 'application/sig' })
    const cosign = addImage(upstream, 'cosign', { tags: [`${fallbackTagOf(index.digest)}.sig`] })
    await instance.fill('app')
    const { id, run } = await instance.start('app', 'hub/base/app')
    expect([run.outcome, run.failures, run.counts.tagsMoved]).toEqual(['done', [], 3])
    expect([...there().tags].sort()).toEqual([...upstream.tags].sort())
    for (const { digest } of [amd, arm, index, att, sig, cosign]) expect(there().manifests.has(digest)).toBe(true)
    // Tags last.
    const last = target.requests.map((one) => one.split(' ')[0]).lastIndexOf('PUT')
    expect(target.requests.findIndex((one) => one.startsWith('TAG'))).toBeGreaterThan(last)

    target.requests.length = 0
    const again = await instance.sync(id)
    expect([again.outcome, again.counts.tagsMoved, again.counts.tagsUnchanged]).toEqual(['done', 0, 3])
    expect(target.requests.map((one) => one.split(' ')[0])).toEqual(['HEAD', 'HEAD', 'HEAD'])
    const shown = await instance.replications.show(id)
    expect(shown).toMatchObject({ state: 'active', tags: { total: 3, published: 3 }, freshness: { behindSeconds: 0 } })
    const { items } = await instance.replications.runItems(id, run.id, { limit: 10 })
    expect(items.map(({ action, tag }) => [action, tag]).filter(([action]) => action === 'moved')).toHaveLength(3)
  })

  test('a late attestation is sent on, and nothing else is asked for', async () => {
    const image = addImage(upstream, 'one', { tags: ['1'] })
    addImage(upstream, 'two', { tags: ['2'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    const att = addImage(upstream, 'late', { subject: image, artifactType: 'application/att' })
    await instance.fill('app')
    await instance.replications.resume({ isAlone: true })
    const done = await untilRuns(id, 2)
    expect(done.lastRun).toMatchObject({ trigger: 'change', outcome: 'done', counts: { tagsMoved: 0, referrers: 1 } })
    expect(there().manifests.has(att.digest)).toBe(true)
    const { items } = await instance.replications.runItems(id, done.lastRun?.id ?? '', { limit: 10 })
    expect(items).toMatchObject([{ action: 'published', digest: image.digest }])
  })

  test('a tag that moves here moves there, one that is gone here stays there', async () => {
    addImage(upstream, 'one', { tags: ['1', 'old'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    const two = addImage(upstream, 'two', { tags: ['1'] })
    await instance.fill('app')
    expect((await instance.sync(id)).counts.tagsMoved).toBe(1)
    expect(there().tags.get('1')).toBe(two.digest)
    await instance.mirrors.db.write((tx) => tx.deleteFrom('tags').where('name', '=', 'old').execute())
    await instance.sync(id)
    expect(there().tags.has('old')).toBe(true)
    expect((await instance.replications.show(id)).tags).toMatchObject({ absent: 1, published: 1 })
  })

  test('what was there before with the same digest is adopted, with another it is told', async () => {
    const image = addImage(upstream, 'one', { tags: ['same', 'other'] })
    await instance.fill('app')
    const before = instance.targets.get('hub')?.open('base/app' as never, NO_MEMORY)
    expect(before).toBeDefined()
    const foreign = addImage(there(), 'foreign', { tags: ['other'] })
    addImage(there(), 'one', { tags: ['same'] })
    const { id, run } = await instance.start('app', 'hub/base/app')
    expect([run.outcome, run.counts.tagsDiverged, run.counts.tagsMoved]).toEqual(['done', 1, 0])
    expect(there().tags.get('other')).toBe(foreign.digest)
    const shown = await instance.replications.show(id)
    expect(shown).toMatchObject({ tags: { published: 1, diverged: 1 }, drift: { drifted: 1 } })
    expect(shown.leftOut[0]?.reason).toContain('where we did not put it')
    await instance.replications.change(id, { drift: 'repair' }, 'user:test')
    expect((await instance.sync(id)).counts.tagsMoved).toBe(1)
    expect(there().tags.get('other')).toBe(image.digest)
    expect((await instance.replications.show(id)).drift.drifted).toBe(0)
  })

  test('a deleted or overwritten tag, and a lost attestation, come back by a full run with repair, and are told without', async () => {
    const image = addImage(upstream, 'one', { tags: ['1', '2'] })
    const att = addImage(upstream, 'att', { subject: image, artifactType: 'application/att' })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    const spoil = () => {
      there().tags.delete('1')
      there().tags.set('2', addImage(there(), 'foreign').digest)
    }
    spoil()
    expect((await instance.sync(id)).counts.tagsDiverged).toBe(2)
    expect((await instance.replications.show(id)).drift).toMatchObject({ mode: 'report', drifted: 2 })
    await instance.replications.change(id, { drift: 'repair' }, 'user:test')
    expect((await instance.sync(id)).counts.tagsMoved).toBe(2)
    expect(there().tags.get('1')).toBe(image.digest)
    expect(there().tags.get('2')).toBe(image.digest)
    there().manifests.delete(att.digest)
    await instance.sync(id, { full: true })
    expect(there().manifests.has(att.digest)).toBe(true)
    const drifted = await eventsOf('replication.drifted')
    expect(drifted).toHaveLength(2)
  })

  test('nothing is sent to what is public, nor where nobody can tell, until it is private again', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    target.visibility = 'public'
    await expect(instance.start('app', 'hub/base/app')).rejects.toMatchObject({ code: 'TARGET_PUBLIC' })
    expect((await instance.replications.list({ limit: 10 })).replications).toEqual([])
    target.visibility = 'private'
    const { id } = await instance.start('app', 'hub/base/app')
    for (const visibility of ['public', 'unknown'] as const) {
      target.visibility = visibility
      const next = addImage(upstream, `next ${visibility}`, { tags: ['1'] })
      await instance.fill('app')
      expect((await instance.sync(id)).outcome).toBe('failed')
      expect(there().manifests.has(next.digest)).toBe(false)
      const paused = await instance.replications.show(id)
      expect([paused.state, paused.pauses.map(({ cause }) => cause)]).toEqual(['paused', ['public']])
      expect(paused.nextRunAt).not.toBeNull()
      target.visibility = 'private'
      expect((await instance.sync(id)).outcome).toBe('done')
      expect(await instance.replications.show(id)).toMatchObject({ state: 'active', pauses: [] })
      expect(there().tags.get('1')).toBe(next.digest)
    }
    expect(await eventsOf('replication.paused')).toHaveLength(2)
  })

  test('who may read the target is found out once a day though nothing is sent, and when that was is told', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app', { schedule: { every: '30d' }, driftEvery: '0' })
    const { db } = instance.mirrors
    const { privacy, nextRunAt } = await instance.replications.show(id)
    const dayMs = 24 * 60 * 60 * 1000
    expect(Date.parse(nextRunAt ?? '') - Date.parse(privacy.checkedAt ?? '')).toBe(dayMs)
    target.visibility = 'public'
    expect((await instance.sync(id)).outcome).toBe('done')
    const old = new Date(Date.now() - dayMs).toISOString()
    await db.write((tx) => tx.updateTable('replications').set({ privacy_checked_at: old }).execute())
    expect((await instance.sync(id)).outcome).toBe('failed')
    const found = await instance.replications.show(id)
    expect([found.state, found.pauses.map(({ cause }) => cause)]).toEqual(['paused', ['public']])
    expect(Date.parse(found.privacy.checkedAt ?? '')).toBeGreaterThan(Date.parse(old))
    expect(await eventsOf('replication.paused')).toHaveLength(1)
  })

  test('what the target turns out not to have is sent again in the same run', async () => {
    addImage(upstream, 'one', { tags: ['1'], layers: ['shared'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    there().blobs.clear()
    there().manifests.clear()
    const two = addImage(upstream, 'two', { tags: ['2'], layers: ['shared', 'own'] })
    await instance.fill('app')
    const run = await instance.sync(id)
    expect([run.outcome, run.failures]).toEqual(['done', []])
    expect(there().tags.get('2')).toBe(two.digest)
    expect(there().blobs.size).toBe(3)
  })

  test('an immutable tag is told so, and goes under its digest where people want that', async () => {
    addImage(upstream, 'one', { tags: ['1'] })
    await instance.fill('app')
    const { id } = await instance.start('app', 'hub/base/app')
    target.immutable.add('1')
    const two = addImage(upstream, 'two', { tags: ['1'] })
    await instance.fill('app')
    const run = await instance.sync(id)
    expect(run.failures).toMatchObject([{ tag: '1', message: '1 is immutable there' }])
    expect((await instance.replications.show(id)).tags).toMatchObject({ immutable: 1, failed: 0 })
    await instance.replications.change(id, { digestAlias: true }, 'user:test')
    expect((await instance.sync(id)).outcome).toBe('done')
    expect(there().tags.get(`1-${two.digest.slice(7, 19)}`)).toBe(two.digest)
    expect((await instance.sync(id)).outcome).toBe('done')
  })

  test('two replications to one target send a blob once, the other mounts it', async () => {
    const other = instance.upstream('other')
    addImage(upstream, 'one', { tags: ['1'], layers: ['shared layer'] })
    addImage(other, 'two', { tags: ['1'], layers: ['shared layer'] })
    await instance.fill('app')
    await instance.fill('other')
    const runs = await Promise.all([instance.start('app', 'hub/base/app'), instance.start('other', 'hub/base/other')])
    expect(runs.map(({ run }) => run.outcome)).toEqual(['done', 'done'])
    const uploads = target.requests.filter((one) => one.startsWith('UPLOAD'))
    expect(uploads).toHaveLength(new Set(uploads).size)
    const tried = runs.reduce((sum, { run }) => sum + (run.counts.mountsTried ?? 0), 0)
    const done = runs.reduce((sum, { run }) => sum + (run.counts.mounts ?? 0), 0)
    expect([tried, done]).toEqual([1, 1])
  })

  async function eventsOf(kind: string) {
    return instance.mirrors.db.read.selectFrom('events').selectAll().where('kind', '=', kind).execute()
  }

  async function untilRuns(id: string, count: number) {
    for (;;) {
      const { runs } = await instance.replications.runs(id, { limit: count })
      const [last] = runs
      if (runs.length === count && last !== undefined) {
        await instance.replications.wait(last.id)
        return instance.replications.show(id)
      }
      await Bun.sleep(20)
    }
  }
})

const NO_MEMORY = {
  hasManifest: () => false,
  hasBlob: () => false,
  mountsOf: () => [],
  noteBlob(_: Digest) {},
  noteManifest() {},
  forget() {},
}
