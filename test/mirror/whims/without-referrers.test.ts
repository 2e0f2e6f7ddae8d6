// Referrers cannot be listed: the source of them is down, or does not have the repository.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { AppError } from '../../../src/errors.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { addImage, type Made } from '../small-images.ts'
import { DAY, MINUTE, type Simulated, simulate } from './simulated.ts'

let one: Simulated
let source: MemoryRepository
beforeEach(async () => {
  one = await simulate()
  source = memoryRepository()
  const { id } = await one.instance.addUpstream('scout')
  await one.instance.db.write((tx) =>
    tx.updateTable('upstreams').set({ referrers_from: id }).where('name', '=', 'hub').execute(),
  )
  one.instance.repositories.set('scout/app', source)
})
afterEach(() => one.close())

const says = 'scout: 503 Service Unavailable'
function goDown(only?: 'listReferrers'): void {
  source.before = (call) => {
    if (only === undefined || call === only) throw new AppError('UPSTREAM_UNAVAILABLE', says)
  }
}
const attest = (subject: Made, name: string) => addImage(source, name, { subject })
async function isServed(made: Made): Promise<boolean> {
  return (await (await one.instance.reader('acme/dhi-app')).resolve({ digest: made.digest as never })) !== undefined
}

for (const only of [undefined, 'listReferrers'] as const) {
  const what = only === undefined ? 'the whole source' : 'its lists alone'
  test(`${what} down: a new digest is held in upstream's words while the old one serves, then comes whole`, async () => {
    const old = addImage(one.upstream, 'old', { tags: ['1'] })
    attest(old, 'of the old')
    expect((await one.start()).outcome).toBe('done')
    const next = addImage(one.upstream, 'new', { tags: ['1'] })
    const attestation = attest(next, 'of the new')
    goDown(only)
    one.later(MINUTE)
    const run = await one.sync()
    expect([run.outcome, run.counts.tagsHeld, run.counts.tagsMoved]).toEqual(['failed', 1, 0])
    expect(await one.tag('1')).toMatchObject({ state: 'held', reason: says })
    expect(run.failures[0]).toMatchObject({ tag: '1', code: 'UPSTREAM_UNAVAILABLE' })
    expect(run.failures[0]?.message).toBe(
      `${says}; to publish without them: kagami mirror change acme/dhi-app --without-referrers publish`,
    )
    const shown = await one.show()
    expect([shown.state, shown.tags.held, shown.tags.failed]).toEqual(['degraded', 1, 0])
    expect((await one.served())['1']).toBe(old.digest)
    source.before = () => {}
    one.later(MINUTE)
    expect((await one.sync()).outcome).toBe('done')
    expect([(await one.served())['1'], await isServed(attestation)]).toEqual([next.digest, true])
  })

  test(`${what} down, published without: the notes say which, and attestations come later with their own event`, async () => {
    const old = addImage(one.upstream, 'old', { tags: ['1'] })
    const kept = attest(old, 'of the old')
    await one.start({ withoutReferrers: 'publish' })
    const next = addImage(one.upstream, 'new', { tags: ['2', '2.0'] })
    const attestation = attest(next, 'of the new')
    goDown(only)
    one.later(MINUTE)
    const run = await one.sync()
    expect([run.outcome, run.counts.tagsMoved, run.counts.tagsHeld]).toEqual(['done', 2, 0])
    expect(run.failures.filter(({ tag }) => tag !== null)).toEqual([
      {
        tag: '2',
        digest: next.digest as never,
        code: 'UPSTREAM_UNAVAILABLE',
        message: `published without all of its attestations, which come later: ${says}`,
      },
    ])
    expect([await isServed(kept), await isServed(attestation), (await one.show()).state]).toEqual([
      true,
      false,
      'active',
    ])
    source.before = () => {}
    expect((await one.sync()).counts).toMatchObject({ referrers: 1, tagsMoved: 0 })
    const [event] = (await one.events()).filter(({ kind }) => kind === 'referrers.published')
    expect([event?.payload.referrers, await isServed(attestation)]).toEqual([[attestation.digest], true])
  })
}

test('a source without the repository holds a new mirror, and does not pause it as gone', async () => {
  addImage(one.upstream, 'one', { tags: ['1'] })
  one.instance.repositories.delete('scout/app')
  const run = await one.start()
  expect([run.outcome, run.failures[0]?.code]).toEqual(['failed', 'UPSTREAM_NOT_FOUND'])
  expect(await one.show()).toMatchObject({ state: 'degraded', pauses: [], tags: { held: 1, published: 0 } })
  await one.change({ withoutReferrers: 'publish' })
  one.later(MINUTE)
  expect((await one.sync()).outcome).toBe('done')
  expect(await one.show()).toMatchObject({ state: 'active', tags: { held: 0, published: 1 } })
})

test('signature tags of a source that cannot be listed are not lost by that', async () => {
  const image = addImage(one.upstream, 'one', { tags: ['1'] })
  const signature = `${image.digest.replace(':', '-')}.sig`
  addImage(source, 'signature', { tags: [signature] })
  await one.start({ vanished: 'untag', grace: '0' })
  expect(Object.keys(await one.served()).sort()).toEqual(['1', signature].sort())
  goDown()
  one.later(DAY)
  const run = await one.sync()
  expect([run.outcome, run.counts.tagsUntagged]).toEqual(['partial', 0])
  expect((await one.tag(signature))?.state).toBe('synced')
  expect(Object.keys(await one.served()).length).toBe(2)
})

test('a replaced referrer stays beside the one that upstream no longer lists', async () => {
  const image = addImage(one.upstream, 'one', { tags: ['1'] })
  const old = attest(image, 'VEX of yesterday')
  await one.start({ vanished: 'untag', grace: '0' })
  source.manifests.delete(old.digest)
  const next = attest(image, 'VEX of today')
  expect((await one.sync()).outcome).toBe('done')
  one.later(2 * DAY)
  expect((await one.sync({ full: true })).outcome).toBe('done')
  expect([await isServed(old), await isServed(next)]).toEqual([true, true])
  const list = await (await one.instance.reader('acme/dhi-app')).listReferrers(image as never)
  if (list === 'unchanged') throw new Error('nothing was known')
  const listed = (await Array.fromAsync(list.items)).map(({ digest }) => String(digest))
  expect(listed.sort()).toEqual([old.digest, next.digest].sort())
})

test('a referrers API that is gone holds what is new, and is a registry without one only where people ask for all anew', async () => {
  const old = addImage(one.upstream, 'old', { tags: ['1'] })
  attest(old, 'of the old')
  let isGone = false
  const plain = source.reader
  source.reader = () => {
    const reader = plain()
    return {
      ...reader,
      async listReferrers(subject, o) {
        const list = await reader.listReferrers(subject, o)
        if (list === 'unchanged') return list
        if (!isGone) return { ...list, isByApi: true }
        if (o?.listed !== undefined) throw new AppError('UPSTREAM_UNAVAILABLE', 'the API is not there now')
        return { items: (async function* () {})() }
      },
    }
  }
  expect((await one.start()).outcome).toBe('done')
  const next = addImage(one.upstream, 'new', { tags: ['1'] })
  const attestation = attest(next, 'of the new')
  isGone = true
  const run = await one.sync()
  expect([run.outcome, run.counts.tagsHeld, (await one.served())['1']]).toEqual(['failed', 1, old.digest])
  // Another process knows it as well.
  const engine = one.instance.anotherEngine()
  const { run: again } = await engine.sync((await one.show()).id)
  expect((await engine.wait(again.id)).counts.tagsHeld).toBe(1)
  await one.change({ withoutReferrers: 'publish' })
  expect((await one.sync()).counts.tagsMoved).toBe(1)
  isGone = false
  expect((await one.sync()).outcome).toBe('done')
  expect(await isServed(attestation)).toBe(true)
  isGone = true
  expect((await one.sync({ full: true })).outcome).toBe('done')
})
