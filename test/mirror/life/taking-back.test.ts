// A tag that people take back: pinned against the mirror, whatever passes are under way, until it is released.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { listHistory } from '../../../src/db/content/tag-history.ts'
import { moveTag } from '../../../src/db/content/tags.ts'
import { openDatabase } from '../../../src/db/engine/engine.ts'
import { findRepository } from '../../../src/db/repositories/repositories.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { releaseMirrorTag } from '../../../src/mirror/life/exclusions.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { parseRepositoryName, type Tag } from '../../../src/oci/reference.ts'
import { deleteManifest } from '../../../src/registry/manifests.ts'
import { restoreTag } from '../../../src/registry/restore.ts'
import { deleteTag } from '../../../src/registry/tags.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { havePostgres, postgres } from '../../support/postgres.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

const NAME = parseRepositoryName('acme/dhi-app')
const TAG = '1' as Tag

for (const engine of ['SQLite', 'PostgreSQL'] as const) {
  describe.skipIf(engine === 'PostgreSQL' && !havePostgres)(`taking back (${engine})`, () => {
    let instance: MirrorInstance
    let upstream: MemoryRepository
    let close: (() => Promise<void>) | undefined
    beforeEach(async () => {
      const db = engine === 'SQLite' ? undefined : await openDatabase(await (await postgres()).freshDatabase())
      close = db && (() => db.close())
      instance = await openMirrorInstance(db === undefined ? {} : { db })
      upstream = memoryRepository()
      instance.repositories.set('hub/app', upstream)
    })
    afterEach(async () => {
      await instance.close()
      await close?.()
    })

    const storage = () => ({ db: instance.db, clock: systemClock })
    async function repository() {
      const row = await findRepository(instance.db.read, NAME)
      if (row === undefined) throw new Error('there is no repository')
      return row
    }
    async function destination() {
      const organization = await instance.db.read.selectFrom('organizations').selectAll().executeTakeFirstOrThrow()
      return { organization, name: NAME, actor: 'user:ada' }
    }
    const restore = async (to: { digest: Digest } | { time: string }, tag = TAG) =>
      restoreTag(storage(), await destination(), (await repository()).id, { tag, to })
    const release = (takeUpstream = false, tag = TAG) =>
      releaseMirrorTag(instance.db, {
        repository: NAME,
        by: 'user:ada',
        at: new Date().toISOString(),
        of: { tag },
        takeUpstream,
      })
    const served = async (tag = TAG) => {
      const found = await (await instance.reader(NAME)).resolve({ tag })
      return found?.digest as string | undefined
    }
    const kinds = async () =>
      (await instance.db.read.selectFrom('events').select('kind').orderBy('seq').execute())
        .map(({ kind }) => kind)
        .filter((kind) => kind.startsWith('tag.'))
    const explain = async (mirrorId: string, ...tags: string[]) =>
      (await instance.engine.explain(mirrorId, { tags: tags as Tag[], limit: 10 })).tags

    /** Two digests under one tag, one after the other. */
    async function twoDigests() {
      const one = addImage(upstream, 'one', { tags: ['1'] })
      const { mirrorId } = await instance.mirror('hub/app')
      const first = await instance.db.read.selectFrom('tags').selectAll().executeTakeFirstOrThrow()
      const two = addImage(upstream, 'two', { tags: ['1'] })
      await instance.sync(mirrorId)
      return { mirrorId, one: one.digest as Digest, two: two.digest as Digest, between: first.moved_at }
    }

    test('a restored tag stays while upstream goes on, is no failure, and comes forward once it is released', async () => {
      const { mirrorId, one, two } = await twoDigests()
      expect(await restore({ digest: one })).toMatchObject({ from: two, to: one, pin: { tag: '1', digest: one } })
      const three = addImage(upstream, 'three', { tags: ['1', '2'] })
      const run = await instance.sync(mirrorId)
      expect([run.outcome, run.failures, run.counts.tagsPinned, run.counts.failed]).toEqual(['done', [], 1, 0])
      expect([await served(), await served('2' as Tag)]).toEqual([one, three.digest])
      const shown = await instance.engine.show(mirrorId)
      expect([shown.state, shown.tags.pinned, shown.tags.total, shown.tags.published]).toEqual(['active', 1, 1, 1])
      expect(shown.leftOut).toMatchObject([{ tag: '1', state: 'pinned' }])
      expect(await explain(mirrorId, '1')).toMatchObject([
        { state: 'pinned', upstream: three.digest, local: one, next: expect.stringContaining('kagami tag release') },
      ])
      expect(await release()).toMatchObject({ wasPinned: true, wasDiverged: false, isDiverged: false, tags: ['1'] })
      await instance.sync(mirrorId)
      expect(await served()).toBe(three.digest)
      expect(await kinds()).toEqual(
        ['moved', 'moved', 'restored', 'pinned', 'moved', 'released', 'moved'].map((kind) => `tag.${kind}`),
      )
      const moves = await listHistory(instance.db.read, (await repository()).id, { tag: TAG, limit: 10 })
      expect(moves.map(({ reason }) => reason)).toEqual([
        'moved at upstream',
        `restored to ${one} by ada`,
        'moved at upstream',
        'new at upstream',
      ])
      expect((await instance.sync(mirrorId)).counts).toMatchObject({ tagsMoved: 0, tagsDiverged: 0, tagsPinned: 0 })
    })

    test('a pass that planned the move before finds the pin when it publishes; named, the tag is an answer, no alarm', async () => {
      const { mirrorId, one } = await twoDigests()
      const reached = Promise.withResolvers<void>()
      const gate = Promise.withResolvers<void>()
      addImage(upstream, 'three', { tags: ['1'] })
      upstream.before = async (call) => {
        if (call !== 'openBlob') return
        reached.resolve()
        await gate.promise
      }
      const { run } = await instance.engine.sync(mirrorId)
      await reached.promise
      await restore({ digest: one })
      gate.resolve()
      const ended = await instance.engine.wait(run.id)
      expect([ended.outcome, ended.counts.tagsMoved, ended.counts.tagsPinned]).toEqual(['done', 0, 1])
      expect(await served()).toBe(one)
      const named = await instance.engine.sync(mirrorId, { only: new Set([TAG]) })
      const { failures } = await instance.engine.wait(named.run.id)
      expect(failures).toMatchObject([{ tag: '1', code: 'CONFLICT' }])
      expect(failures[0]?.message).toContain('kagami tag release acme/dhi-app 1')
      expect((await instance.engine.show(mirrorId)).state).toBe('active')
    })

    test('pinned where it is, by a time; what is attached there still comes', async () => {
      const { mirrorId, one, two, between } = await twoDigests()
      expect((await restore({ time: between })).to).toBe(one)
      const again = await restore({ digest: two })
      expect([again.from, again.pin?.digest]).toEqual([one, two])
      expect((await restore({ digest: two })).from).toBe(two)
      const subject = { digest: two, mediaType: '', size: 0 }
      const stored = upstream.manifests.get(two)
      const attached = addImage(upstream, 'attestation', {
        subject: { ...subject, mediaType: stored?.mediaType ?? '', size: stored?.bytes.byteLength ?? 0 },
      })
      expect((await instance.sync(mirrorId, { full: true })).outcome).toBe('done')
      expect(await (await instance.reader(NAME)).resolve({ digest: attached.digest as Digest })).toBeDefined()
    })

    test('refused, without a trace: an unknown digest, one of another tag, content that is gone, times without it', async () => {
      const { one, between } = await twoDigests()
      const other = addImage(upstream, 'other', { tags: ['2'] })
      const [mirror] = (await instance.engine.list({ limit: 1 })).mirrors
      await instance.sync(mirror?.id ?? '')
      const refusals: [{ digest: Digest } | { time: string }, string, string][] = [
        [{ digest: digestOf('nothing') }, 'MANIFEST_UNKNOWN', 'has no manifest'],
        [{ digest: other.digest as Digest }, 'CONFLICT', 'never pointed at'],
        [{ time: '2000-01-01T00:00:00.000Z' }, 'NOT_FOUND', 'the history of acme/dhi-app:1 begins at'],
      ]
      await deleteManifest(storage(), await destination(), await repository(), one)
      refusals.push(
        [{ digest: one }, 'MANIFEST_UNKNOWN', 'is gone'],
        [{ time: between }, 'MANIFEST_UNKNOWN', 'is gone'],
      )
      const before = await kinds()
      for (const [to, code, message] of refusals) {
        await expect(restore(to)).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
      }
      await instance.db.write((tx) => tx.updateTable('repositories').set({ archived_at: between }).execute())
      await expect(restore({ digest: one })).rejects.toMatchObject({ code: 'DENIED' })
      await instance.db.write((tx) =>
        tx.updateTable('repositories').set({ archived_at: null, immutable_tags: 'all' }).execute(),
      )
      expect([await kinds(), await instance.db.read.selectFrom('tag_pins').selectAll().execute()]).toEqual([before, []])
    })

    test('an immutable tag is not moved back', async () => {
      const { one, two } = await twoDigests()
      await instance.db.write((tx) => tx.updateTable('repositories').set({ immutable_tags: 'all' }).execute())
      await expect(restore({ digest: one })).rejects.toMatchObject({
        code: 'DENIED',
        message: expect.stringContaining('is immutable'),
      })
      expect((await restore({ digest: two })).pin?.digest).toBe(two)
    })

    test('a deleted tag comes back with the restore, not with the mirror; deleted again, the pin is over', async () => {
      const { mirrorId, one } = await twoDigests()
      await deleteTag(storage(), await destination(), await repository(), TAG)
      await restore({ digest: one })
      await instance.sync(mirrorId)
      expect(await served()).toBe(one)
      expect((await explain(mirrorId, '1'))[0]?.state).toBe('pinned')
      await deleteTag(storage(), await destination(), await repository(), TAG)
      expect((await explain(mirrorId, '1'))[0]?.state).toBe('excluded')
      expect(await instance.db.read.selectFrom('tag_pins').selectAll().execute()).toEqual([])
    })

    test('a tag that people moved is taken from them only by their word', async () => {
      const { mirrorId, one, two } = await twoDigests()
      await instance.db.write(async (tx) => {
        const row = await getRepository(tx)
        await moveTag(tx, {
          organizationId: row.organization_id,
          repositoryId: row.id,
          repositoryName: row.name,
          tag: TAG,
          to: one,
          actor: 'user:ada',
          reason: 'pushed',
          at: new Date().toISOString(),
        })
      })
      await instance.sync(mirrorId)
      const [diverged] = await explain(mirrorId, '1')
      expect(diverged).toMatchObject({ state: 'diverged', next: expect.stringContaining('--take-upstream') })
      expect(await release()).toMatchObject({ isDiverged: true, wasDiverged: false, tags: [] })
      await instance.sync(mirrorId)
      expect(await served()).toBe(one)
      expect(await release(true)).toMatchObject({ isDiverged: false, wasDiverged: true, tags: ['1'] })
      await instance.sync(mirrorId)
      expect(await served()).toBe(two)
    })

    test('pins outlive a restart from another source, and are released there', async () => {
      const { mirrorId, one } = await twoDigests()
      await restore({ digest: one })
      const elsewhere = memoryRepository()
      instance.repositories.set('hub/other', elsewhere)
      const three = addImage(elsewhere, 'three', { tags: ['1'] })
      const from = { upstream: 'hub', repository: 'other' }
      const { run } = await instance.engine.restart(mirrorId, { by: 'user:ada', from })
      expect((await instance.engine.wait(run.id)).counts.tagsPinned).toBe(1)
      expect(await served()).toBe(one)
      await release()
      await instance.sync(mirrorId)
      expect(await served()).toBe(three.digest)
    })

    async function getRepository(tx: Parameters<typeof findRepository>[0]) {
      const row = await findRepository(tx, NAME)
      if (row === undefined) throw new Error('there is no repository')
      return row
    }
  })
}
