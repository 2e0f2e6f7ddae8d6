// Attestations that upstream no longer lists: kept, or unlinked after a grace where people want that, under the brake of the tags.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import type { RepositoryReader } from '../../../src/oci/repository.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type MemoryRepository, memoryRepository, type StoredManifest } from '../../support/memory-repository.ts'
import { addImage, type Made } from '../small-images.ts'
import { DAY, MINUTE, type Simulated, simulate } from './simulated.ts'

const IMAGES = 10
const EACH = 4

let images: Made[]
let attestations: Made[]

function fill(upstream: MemoryRepository, attested = upstream): void {
  images = []
  attestations = []
  for (let i = 0; i < IMAGES; i++) {
    const subject = addImage(upstream, `image ${i}`, { tags: [`v${i}`] })
    images.push(subject)
    for (let n = 0; n < EACH; n++)
      attestations.push(addImage(attested, `attestation ${i} ${n}`, { subject, layers: [] }))
  }
}

/** Takes them from the lists of upstream. */
function lose(upstream: MemoryRepository, which: readonly Made[]): Map<string, StoredManifest> {
  const lost = new Map<string, StoredManifest>()
  for (const { digest } of which) {
    const stored = upstream.manifests.get(digest)
    if (stored !== undefined) lost.set(digest, stored)
    upstream.manifests.delete(digest)
  }
  return lost
}

async function isHere(one: Simulated, { digest }: Made): Promise<boolean> {
  const reader = await one.instance.reader('acme/dhi-app')
  return (await reader.resolve({ digest: digest as never })) !== undefined
}
async function hereOf(one: Simulated, which: readonly Made[]): Promise<number> {
  let here = 0
  for (const each of which) if (await isHere(one, each)) here++
  return here
}
const rows = (one: Simulated) => one.instance.db.read.selectFrom('mirror_unlisted').selectAll().execute()
const removed = async (one: Simulated) => (await one.events()).filter(({ kind }) => kind === 'referrers.removed')

describeOnEachEngine('an attestation that upstream no longer lists', (openFresh) => {
  let one: Simulated
  beforeEach(async () => {
    one = await simulate({ db: await openFresh() })
    fill(one.upstream)
  })
  afterEach(() => one.close())

  test('is kept by default, and goes when people change their mind: its grace has counted since it was gone', async () => {
    await one.start()
    lose(one.upstream, attestations.slice(0, 2))
    for (let week = 0; week < 3; week++) {
      one.later(7 * DAY)
      expect((await one.sync()).counts.referrersUnlinked).toBe(0)
    }
    expect(await hereOf(one, attestations)).toBe(IMAGES * EACH)
    await one.change({ vanished: 'untag', grace: '7d' })
    expect((await one.sync({ full: true })).counts.referrersUnlinked).toBe(2)
  })

  test('is unlinked after the grace with all that hangs on it, in one transaction with its event; the plan says it before', async () => {
    const [first, second] = attestations
    if (first === undefined || second === undefined) throw new Error('there are so many')
    const signature = addImage(one.upstream, 'signature of the first', { subject: first, layers: [] })
    await one.start({ vanished: 'untag', grace: '7d', recheck: '0' })
    const history = await one.instance.db.read.selectFrom('tag_history').selectAll().orderBy('id').execute()
    lose(one.upstream, [first, second])
    one.later(MINUTE)
    expect((await one.sync()).counts.referrersUnlinked).toBe(0)
    expect((await rows(one)).map(({ since }) => since)).toEqual([
      '2026-01-01T00:01:00.000Z',
      '2026-01-01T00:01:00.000Z',
    ])
    one.later(7 * DAY - 1)
    await one.sync()
    expect(await hereOf(one, [...attestations, signature])).toBe(IMAGES * EACH + 1)
    one.later(1)
    const plan = await one.plan()
    expect(plan.totals.referrersUnlinked).toBe(3)
    const image = images[0]?.digest
    const unlinks = plan.items.filter(({ action }) => action === 'unlink')
    expect(unlinks.map(({ digest, reason }) => [digest as string, reason]).sort()).toEqual(
      [
        [first.digest, `attached to ${image}, which upstream no longer lists, and 1 that hang on it`],
        [second.digest, `attached to ${image}, which upstream no longer lists`],
      ].sort(),
    )
    expect(plan.images.map(({ action, digest }) => [action, digest as string]).sort()).toEqual(
      [first, second].map(({ digest }) => ['unlink', digest]).sort(),
    )
    const run = await one.sync()
    expect([run.outcome, run.counts.referrersUnlinked, run.counts.tagsMoved]).toEqual(['done', 3, 0])
    expect(await hereOf(one, [first, second, signature])).toBe(0)
    expect(await hereOf(one, [...attestations.slice(2), ...images])).toBe(IMAGES * EACH - 2 + IMAGES)
    const [event, ...more] = await removed(one)
    expect(more).toEqual([])
    expect(event?.actor).toMatch(/^mirror:/)
    expect(event?.payload.runId).toBe(run.id)
    const gone = event?.payload.referrers as { digest: string; subject: string }[]
    expect(gone.map(({ digest, subject }) => [digest, subject]).sort()).toEqual(
      [
        [first.digest, image ?? ''],
        [second.digest, image ?? ''],
        [signature.digest, first.digest],
      ].sort(),
    )
    expect(await one.instance.db.read.selectFrom('tag_history').selectAll().orderBy('id').execute()).toEqual(history)
    expect(await rows(one)).toEqual([])
    expect((await one.sync()).counts).toMatchObject({ referrersUnlinked: 0, referrers: 0 })
  })

  test('comes back as new with what hangs on it; one that flaps counts its grace anew', async () => {
    const [first, second] = attestations
    if (first === undefined || second === undefined) throw new Error('there are so many')
    const signature = addImage(one.upstream, 'signature of the first', { subject: first, layers: [] })
    await one.start({ vanished: 'untag', grace: '1d', recheck: '0' })
    for (let n = 0; n < 6; n++) {
      const lost = lose(one.upstream, [second])
      await one.sync()
      one.later(DAY - 1)
      for (const [digest, stored] of lost) one.upstream.manifests.set(digest, stored)
      expect((await one.sync()).counts.referrersUnlinked).toBe(0)
      one.later(DAY - 1)
    }
    expect(await rows(one)).toEqual([])
    const lost = lose(one.upstream, [first, second])
    await one.sync()
    one.later(DAY)
    expect((await one.sync()).counts.referrersUnlinked).toBe(3)
    for (const [digest, stored] of lost) one.upstream.manifests.set(digest, stored)
    expect((await one.sync()).counts.referrers).toBe(3)
    expect(await hereOf(one, [first, second, signature])).toBe(3)
  })

  test('with too many others changes nothing at all, at the exact share, until it is accepted once', async () => {
    // 40 of them: four are a tenth, and five may always go. So six are the first number that may be too many.
    await one.start({ vanished: 'untag', grace: '1d', brake: 15, recheck: '0' })
    lose(one.upstream, attestations.slice(0, 6))
    await one.sync()
    one.later(DAY)
    await one.change({ brake: 14 })
    addImage(one.upstream, 'news', { tags: ['v0'] })
    const before = await one.served()
    const run = await one.sync()
    expect([run.outcome, run.failures[0]?.code]).toEqual(['failed', 'UPSTREAM_SHRUNK'])
    expect(await one.show()).toMatchObject({
      state: 'degraded',
      reason:
        'upstream no longer lists 6 of the 40 attestations that are here, more than 14 % at once: nothing was changed',
      remedy: 'mirror sync acme/dhi-app --accept-shrink',
    })
    expect(one.plan()).rejects.toMatchObject({ code: 'UPSTREAM_SHRUNK' })
    expect([await one.served(), await hereOf(one, attestations)]).toEqual([before, 40])
    await one.change({ brake: 15 })
    one.upstream.tags.set('v0', images[0]?.digest ?? '')
    expect((await one.sync()).counts.referrersUnlinked).toBe(6)
    // 34 are left: six are too many again, and go by one run that accepts it, and by that one only.
    lose(one.upstream, attestations.slice(6, 12))
    await one.sync()
    one.later(DAY)
    expect((await one.sync()).failures[0]?.code).toBe('UPSTREAM_SHRUNK')
    expect((await one.sync({ acceptShrink: true })).counts.referrersUnlinked).toBe(6)
    lose(one.upstream, attestations.slice(12, 18))
    await one.sync()
    one.later(DAY)
    expect((await one.sync()).failures[0]?.code).toBe('UPSTREAM_SHRUNK')
  })

  test('goes at the end of its grace without another question when that was accepted before', async () => {
    await one.start({ vanished: 'untag', grace: '1d' })
    lose(one.upstream, attestations.slice(0, 20))
    expect((await one.sync({ acceptShrink: true })).counts.referrersUnlinked).toBe(0)
    one.later(DAY)
    expect((await one.sync()).counts.referrersUnlinked).toBe(20)
  })

  test('stays when the list that first lacks it names something new: that has replaced it', async () => {
    await one.start({ vanished: 'untag', grace: '0', recheck: '0' })
    const [old, other] = attestations as [Made, Made]
    lose(one.upstream, [old])
    const subject = images[0] as Made
    const fresh = addImage(one.upstream, 'VEX of today', { subject, layers: [] })
    for (let n = 0; n < 3; n++) {
      expect((await one.sync()).counts.referrersUnlinked).toBe(0)
      one.later(DAY)
    }
    expect(await hereOf(one, [old, fresh])).toBe(2)
    // Another one of the same image that nothing replaces goes.
    lose(one.upstream, [other])
    expect((await one.sync()).counts.referrersUnlinked).toBe(1)
    expect([await isHere(one, old), await isHere(one, other)]).toEqual([true, false])
  })

  test('goes although the process that missed it first is gone', async () => {
    await one.start({ vanished: 'untag', grace: '30m' })
    lose(one.upstream, attestations.slice(0, 1))
    await one.sync()
    one.later(30 * MINUTE)
    const next = one.instance.anotherEngine()
    const { run } = await next.sync((await one.show()).id)
    expect((await next.wait(run.id)).counts.referrersUnlinked).toBe(1)
  })
})

describe('a source', () => {
  let one: Simulated
  beforeEach(async () => {
    one = await simulate()
  })
  afterEach(() => one.close())

  test('that lists nothing takes nothing, however few there were and however long', async () => {
    const subject = addImage(one.upstream, 'image', { tags: ['1'] })
    const only = addImage(one.upstream, 'signature', { subject, layers: [] })
    await one.start({ vanished: 'untag', grace: '1d', recheck: '0' })
    const lost = lose(one.upstream, [only])
    expect((await one.sync()).outcome).toBe('done')
    one.later(2 * DAY)
    const run = await one.sync()
    expect(run.failures.map(({ code, message }) => [code, message])).toEqual([
      ['UPSTREAM_SHRUNK', 'upstream lists no attestations, and 1 are here: nothing was changed'],
    ])
    for (const [digest, stored] of lost) one.upstream.manifests.set(digest, stored)
    expect((await one.sync()).outcome).toBe('done')
    expect([(await one.show()).state, await isHere(one, only), await rows(one)]).toEqual(['active', true, []])
    lose(one.upstream, [only])
    await one.sync()
    one.later(2 * DAY)
    expect((await one.sync({ acceptShrink: true })).counts.referrersUnlinked).toBe(1)
  })

  test('that loses all in turns, a few in each pass, is stopped before the first goes', async () => {
    fill(one.upstream)
    await one.start({ vanished: 'untag', grace: '1h', recheck: '1h' })
    for (const hours of [25, 25.25]) {
      one.later(hours * 60 * MINUTE)
      await one.sync()
    }
    // All but those of one image, that something is listed: seen by four passes.
    lose(one.upstream, attestations.slice(EACH))
    const outcomes: string[] = []
    for (let n = 0; n < 12; n++) {
      one.later(15 * MINUTE)
      const run = await one.sync()
      outcomes.push(run.failures[0]?.code ?? run.outcome)
      expect(run.counts.referrersUnlinked).toBe(0)
    }
    expect(outcomes).toContain('UPSTREAM_SHRUNK')
    expect(await hereOf(one, attestations)).toBe(IMAGES * EACH)
  })

  test('that does not answer takes nothing', async () => {
    fill(one.upstream)
    await one.start({ vanished: 'untag', grace: '1m', recheck: '0', withoutReferrers: 'publish' })
    lose(one.upstream, attestations.slice(0, 1))
    await one.sync()
    one.later(DAY)
    one.upstream.before = (call) => {
      if (call === 'listReferrers') throw new AppError('UPSTREAM_UNAVAILABLE', 'answers 503')
    }
    expect((await one.sync()).counts.referrersUnlinked).toBe(0)
    one.upstream.before = () => {}
    expect((await one.sync()).counts.referrersUnlinked).toBe(1)
  })

  test('whose list says that nothing has changed lists no more than before', async () => {
    fill(one.upstream)
    withVersions(one.upstream)
    await one.start({ vanished: 'untag', grace: '1d', recheck: '0' })
    lose(one.upstream, attestations.slice(0, 1))
    await one.sync()
    one.later(MINUTE)
    await one.sync()
    expect((await rows(one)).length).toBe(1)
    one.later(DAY)
    expect((await one.sync()).counts.referrersUnlinked).toBe(1)
    expect(await hereOf(one, attestations)).toBe(IMAGES * EACH - 1)
  })

  test('beside another: what either of them lists stays', async () => {
    await one.instance.db.write((tx) => tx.deleteFrom('upstreams').execute())
    const scout = await one.instance.addUpstream('scout')
    await one.instance.addUpstream('hub', { referrers_from: scout.id })
    const other = memoryRepository()
    one.instance.repositories.set('scout/app', other)
    fill(one.upstream, other)
    const own = addImage(one.upstream, 'of the image source', { subject: images[0] as Made, layers: [] })
    withVersions(one.upstream)
    withVersions(other)
    await one.start({ vanished: 'untag', grace: '1d' })
    one.later(2 * DAY)
    lose(other, attestations.slice(0, 2))
    await one.sync()
    one.later(DAY)
    await one.sync()
    for (let n = 0; n < 4; n++) {
      one.later(15 * MINUTE)
      expect((await one.sync()).outcome).toBe('done')
    }
    expect(await hereOf(one, attestations.slice(0, 2))).toBe(0)
    expect(await hereOf(one, [...attestations.slice(2), own])).toBe(IMAGES * EACH - 1)
  })
})

test('what people pushed, tagged, or signed here, and what an index or a tag of upstream needs, stays', async () => {
  const one = await simulate()
  fill(one.upstream)
  const [pushed, tagged, signed, needed] = attestations as [Made, Made, Made, Made]
  one.upstream.tags.set('needed', needed.digest)
  await one.start({ vanished: 'untag', grace: '0', recheck: '0' })
  const { db } = one.instance
  const repositoryId = await one.instance.repositoryId('acme/dhi-app')
  await db.write(async (tx) => {
    const at = one.now().toISOString()
    const link = tx.updateTable('repository_manifests').where('repository_id', '=', repositoryId)
    await link.set({ pushed_at: at }).where('digest', '=', pushed.digest).execute()
    const tag = { repository_id: repositoryId, name: 'mine', digest: tagged.digest, moved_at: at }
    await tx.insertInto('tags').values(tag).execute()
    const [other] = attestations.slice(-1)
    await tx
      .updateTable('repository_manifests')
      .set({ subject_digest: signed.digest, pushed_at: at, mirrored_at: null })
      .where('repository_id', '=', repositoryId)
      .where('digest', '=', other?.digest ?? '')
      .execute()
  })
  lose(one.upstream, [pushed, tagged, signed])
  // Listed no more, though it is a tag.
  const stored = one.upstream.manifests.get(needed.digest)
  const reader = one.upstream.reader
  one.upstream.reader = () => without(reader(), needed.digest)
  expect(stored).toBeDefined()
  expect((await one.sync()).counts.referrersUnlinked).toBe(0)
  expect(await hereOf(one, [pushed, tagged, signed, needed])).toBe(4)
  await one.close()
})

/** A reader whose lists do not name a digest. */
function without(reader: RepositoryReader, digest: string): RepositoryReader {
  return {
    ...reader,
    async listReferrers(subject, o) {
      const list = await reader.listReferrers(subject, o)
      if (list === 'unchanged') return list
      return {
        items: (async function* () {
          for await (const item of list.items) if (item.digest !== digest) yield item
        })(),
      }
    },
  }
}

/** Its lists have a version each, and are not told again when it is the same. */
function withVersions(upstream: MemoryRepository): void {
  const plain = upstream.reader
  upstream.reader = () => {
    const reader = plain()
    return {
      ...reader,
      async listReferrers(subject, o) {
        const list = await reader.listReferrers(subject, o)
        if (list === 'unchanged') return list
        const items = await Array.fromAsync(list.items)
        const version = `"${items
          .map(({ digest }) => digest)
          .sort()
          .join()}"`
        if (version === o?.known) return 'unchanged'
        return {
          version,
          items: (async function* () {
            yield* items
          })(),
        }
      },
    }
  }
}
