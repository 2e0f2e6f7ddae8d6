// Lists that flap, shrink, are halved, empty, of yesterday: what is here stays, says so, and goes only where people want that.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { releaseMirrorTag } from '../../../src/mirror/life/exclusions.ts'
import { parseDigest } from '../../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../../src/oci/reference.ts'
import { restoreTag } from '../../../src/registry/restore.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { addImage } from '../small-images.ts'
import { DAY, MINUTE, type Simulated, simulate } from './simulated.ts'

let mirror: Simulated
beforeEach(async () => {
  mirror = await simulate()
})
afterEach(() => mirror.close())

const names = (count: number) => Array.from({ length: count }, (_, i) => `v${String(i).padStart(3, '0')}`)

/** `count` tags on ten digests. */
function fill(one: Simulated, count: number): void {
  const all = names(count)
  for (let i = 0; i < 10; i++) addImage(one.upstream, `image ${i}`, { tags: all.filter((_, n) => n % 10 === i) })
}
function lose(one: Simulated, count: number): Map<string, string> {
  const lost = new Map([...one.upstream.tags].sort().slice(0, count))
  for (const tag of lost.keys()) one.upstream.tags.delete(tag)
  return lost
}
const give = (one: Simulated, tags: Map<string, string>) => {
  for (const [tag, digest] of tags) one.upstream.tags.set(tag, digest)
}

describe('a list that shrank', () => {
  test('to less than half changes nothing, and the mirror is degraded with the numbers and the line that goes on', async () => {
    fill(mirror, 40)
    await mirror.start()
    lose(mirror, 21)
    addImage(mirror.upstream, 'news', { tags: ['v039'] })
    const before = await mirror.served()
    mirror.later(MINUTE)
    const run = await mirror.sync()
    expect([run.outcome, run.failures[0]?.code, run.failures[0]?.tag]).toEqual(['failed', 'UPSTREAM_SHRUNK', null])
    const { state, reason, remedy, tags } = await mirror.show()
    expect([state, remedy]).toEqual(['degraded', 'mirror sync acme/dhi-app --accept-shrink'])
    expect(reason).toBe('upstream lists 19 tags, and it listed 40 before: nothing was changed')
    expect([tags.published, tags.absent]).toEqual([40, 0])
    expect(await mirror.served()).toEqual(before)
    expect(mirror.plan()).rejects.toMatchObject({ code: 'UPSTREAM_SHRUNK' })
    // Once only: the next list is held against this one.
    expect((await mirror.sync({ acceptShrink: true })).outcome).toBe('done')
    expect((await mirror.show()).tags).toMatchObject({ published: 19, absent: 21 })
    expect(await mirror.served()).toEqual({ ...before, v039: mirror.upstream.tags.get('v039') ?? '' })
    expect((await mirror.sync()).outcome).toBe('done')
    lose(mirror, 15)
    expect((await mirror.sync()).failures[0]?.code).toBe('UPSTREAM_SHRUNK')
  })

  test('by half or by fewer than ten is believed', async () => {
    fill(mirror, 20)
    await mirror.start()
    lose(mirror, 10)
    expect((await mirror.sync()).outcome).toBe('done')
    lose(mirror, 9)
    expect((await mirror.sync()).outcome).toBe('done')
    expect(Object.keys(await mirror.served()).length).toBe(20)
  })

  test('to nothing changes nothing, also in a run of single tags; when it is back, all is as before by itself', async () => {
    fill(mirror, 3)
    await mirror.start({ vanished: 'untag', grace: '0' })
    const before = await mirror.served()
    const lost = lose(mirror, 3)
    for (const o of [{}, { tags: ['v001'] }]) {
      const run = await mirror.sync(o)
      expect(run.failures.map(({ message }) => message)).toEqual([
        'upstream lists no tags, and it listed 3 before: nothing was changed',
      ])
    }
    expect((await mirror.show()).state).toBe('degraded')
    give(mirror, lost)
    expect((await mirror.sync()).outcome).toBe('done')
    expect([(await mirror.show()).state, await mirror.served()]).toEqual(['active', before])
  })

  test('flaps: whatever comes and goes for days, nothing is lost and nothing moves', async () => {
    fill(mirror, 40)
    await mirror.start({ vanished: 'untag', grace: '7d' })
    const before = await mirror.served()
    for (const count of [5, 40, 20, 30, 1, 18]) {
      const lost = lose(mirror, count)
      await mirror.sync()
      mirror.later(5 * DAY)
      give(mirror, lost)
      expect((await mirror.sync()).outcome).toBe('done')
      mirror.later(5 * DAY)
    }
    expect(await mirror.served()).toEqual(before)
    const moved = (await mirror.events()).filter(({ kind }) => kind.startsWith('tag.'))
    expect(moved.length).toBe(40)
  })

  test('of yesterday, and then of today: what is new since stays, and is there again without having gone', async () => {
    fill(mirror, 20)
    await mirror.start({ vanished: 'untag' })
    const yesterday = new Map(mirror.upstream.tags)
    addImage(mirror.upstream, 'today', { tags: ['today', 'v000'] })
    await mirror.sync()
    const today = new Map(mirror.upstream.tags)
    mirror.upstream.tags.clear()
    give(mirror, yesterday)
    mirror.later(DAY)
    expect((await mirror.sync()).outcome).toBe('done')
    expect((await mirror.served()).today).toBe(today.get('today') ?? '')
    expect((await mirror.tag('today'))?.state).toBe('absent')
    give(mirror, today)
    await mirror.sync()
    expect(await mirror.served()).toEqual(Object.fromEntries(today))
    expect(await mirror.tag('today')).toEqual({ state: 'synced', reason: null, absent_since: null })
  })
})

describeOnEachEngine('a tag that upstream has lost', (openFresh) => {
  let one: Simulated
  beforeEach(async () => {
    one = await simulate({ db: await openFresh() })
    fill(one, 100)
  })
  afterEach(() => one.close())

  test('is kept by default, however long it is away', async () => {
    await one.start()
    lose(one, 3)
    for (let week = 0; week < 3; week++) {
      await one.sync()
      one.later(7 * DAY)
    }
    expect(Object.keys(await one.served()).length).toBe(100)
    expect((await one.show()).tags).toMatchObject({ total: 97, absent: 3 })
  })

  test('is untagged after the grace, with history and event; its manifest stays; and it may come back as new', async () => {
    await one.start({ vanished: 'untag', grace: '7d' })
    const lost = lose(one, 3)
    await one.sync()
    const { reason } = (await one.tag('v000')) ?? {}
    expect(reason).toBe('upstream no longer has the tag: untagged from 2026-01-08T00:00:00.000Z on')
    one.later(7 * DAY - 1)
    await one.sync()
    expect(Object.keys(await one.served()).length).toBe(100)
    one.later(1)
    expect((await one.plan()).items.filter(({ action }) => action === 'untag').map(({ tag }) => tag)).toEqual([
      'v000',
      'v001',
      'v002',
    ])
    const run = await one.sync()
    expect([run.outcome, run.counts.tagsUntagged]).toEqual(['done', 3])
    expect(Object.keys(await one.served()).length).toBe(97)
    const removed = (await one.events()).filter(({ kind }) => kind === 'tag.removed')
    expect(removed.map(({ payload }) => [payload.tag, payload.from, payload.to, payload.runId])).toEqual(
      [...lost].map(([tag, digest]) => [tag, digest, null, run.id]),
    )
    expect(removed[0]?.actor).toMatch(/^mirror:/)
    const history = await one.instance.db.read
      .selectFrom('tag_history')
      .select(['tag', 'run_id'])
      .where('to_digest', 'is', null)
      .execute()
    expect(history.map(({ tag, run_id }) => [tag, run_id]).sort()).toEqual([...lost.keys()].map((tag) => [tag, run.id]))
    const reader = await one.instance.reader('acme/dhi-app')
    for (const digest of lost.values()) expect(await reader.resolve({ digest: digest as never })).toBeDefined()
    expect((await one.show()).tags).toMatchObject({ total: 97, absent: 0, excluded: 0 })
    expect((await one.sync()).counts).toMatchObject({ tagsUntagged: 0, tagsMoved: 0 })
    give(one, lost)
    expect((await one.sync()).counts.tagsMoved).toBe(3)
    expect(Object.keys(await one.served()).length).toBe(100)
  })

  test('is pinned when people take it back, whatever upstream does then, until it is released', async () => {
    await one.start({ vanished: 'untag', grace: '0' })
    const lost = lose(one, 1)
    expect((await one.sync()).counts.tagsUntagged).toBe(1)
    const { db } = one.instance
    const organization = await db.read.selectFrom('organizations').selectAll().executeTakeFirstOrThrow()
    const repositoryId = await one.instance.repositoryId('acme/dhi-app')
    const name = parseRepositoryName('acme/dhi-app')
    const [digest = ''] = lost.values()
    const destination = { organization, name, actor: 'user:ada' }
    const tag = parseTag('v000')
    const clock = { now: one.now }
    const to = { digest: parseDigest(digest) }
    const restored = await restoreTag({ db, clock }, destination, repositoryId, { tag, to })
    expect(restored.pin?.digest).toBe(digest)
    addImage(one.upstream, 'comes back as another', { tags: ['v000'] })
    expect((await one.sync()).counts).toMatchObject({ tagsPinned: 1, tagsMoved: 0, tagsUntagged: 0 })
    expect((await one.served()).v000).toBe(digest)
    one.upstream.tags.delete('v000')
    expect((await one.sync()).counts.tagsUntagged).toBe(0)
    await releaseMirrorTag(db, { repository: name, by: 'user:ada', at: one.now().toISOString(), of: { tag } })
    expect((await one.sync()).counts.tagsUntagged).toBe(1)
  })

  test('counts its grace anew when it was there in between', async () => {
    await one.start({ vanished: 'untag', grace: '7d' })
    const lost = lose(one, 2)
    await one.sync()
    one.later(6 * DAY)
    give(one, lost)
    await one.sync()
    lose(one, 2)
    one.later(6 * DAY)
    await one.sync()
    one.later(6 * DAY)
    await one.sync()
    expect(Object.keys(await one.served()).length).toBe(100)
    one.later(DAY)
    await one.sync()
    expect(Object.keys(await one.served()).length).toBe(98)
  })

  test('stays when people have moved it, deleted or excluded it', async () => {
    await one.start({ vanished: 'untag', grace: '0' })
    const other = one.upstream.tags.get('v009') ?? ''
    await one.instance.db.write((tx) =>
      tx.updateTable('tags').set({ digest: other }).where('name', '=', 'v000').execute(),
    )
    await one.instance.db.write((tx) => tx.deleteFrom('tags').where('name', '=', 'v001').execute())
    lose(one, 3)
    const run = await one.sync()
    expect([run.outcome, run.counts.tagsUntagged]).toEqual(['done', 1])
    const served = await one.served()
    expect([served.v000, served.v001, served.v002]).toEqual([other, undefined, undefined])
  })

  test('with too many others changes nothing at all, until it is accepted', async () => {
    await one.start({ vanished: 'untag', grace: '1d' })
    lose(one, 11)
    await one.sync()
    one.later(DAY)
    addImage(one.upstream, 'news', { tags: ['v099'] })
    const before = await one.served()
    const run = await one.sync()
    expect([run.outcome, run.failures[0]?.code]).toEqual(['failed', 'UPSTREAM_SHRUNK'])
    const { state, reason, remedy } = await one.show()
    expect([state, remedy]).toEqual(['degraded', 'mirror sync acme/dhi-app --accept-shrink'])
    expect(reason).toBe(
      'upstream has lost 11 of the 100 tags that are here, more than 10 % at once: nothing was changed',
    )
    expect(await one.served()).toEqual(before)
    const accepted = await one.sync({ acceptShrink: true })
    expect([accepted.outcome, accepted.counts.tagsUntagged, accepted.counts.tagsMoved]).toEqual(['done', 11, 1])
    expect((await one.show()).state).toBe('active')
  })

  test('goes after its grace when the shrink was accepted before, without asking again; a larger share may be set', async () => {
    await one.start({ vanished: 'untag', grace: '1d' })
    lose(one, 60)
    expect((await one.sync()).outcome).toBe('failed')
    expect((await one.sync({ acceptShrink: true })).counts.tagsUntagged).toBe(0)
    one.later(DAY)
    expect((await one.sync()).counts.tagsUntagged).toBe(60)
    lose(one, 8)
    await one.sync()
    one.later(DAY)
    expect((await one.sync()).outcome).toBe('failed')
    await one.change({ brake: 20 })
    expect((await one.sync()).counts.tagsUntagged).toBe(8)
  })

  test('goes although the process that saw it vanish is gone', async () => {
    await one.start({ vanished: 'untag', grace: '30m' })
    lose(one, 1)
    await one.sync()
    one.later(30 * MINUTE)
    const next = one.instance.anotherEngine()
    const { run } = await next.sync((await one.show()).id)
    expect((await next.wait(run.id)).counts.tagsUntagged).toBe(1)
  })
})
