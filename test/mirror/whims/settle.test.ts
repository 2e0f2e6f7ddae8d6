// A new digest waits until its attestations have stopped arriving; the old one serves meanwhile, and what comes later comes by itself.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { describeOnEachEngine } from '../../support/engines.ts'
import { addImage, addIndex, type Made } from '../small-images.ts'
import { MINUTE, type Simulated, simulate } from './simulated.ts'

const isoAfter = (minutes: number) => new Date(Date.parse('2026-01-01T00:00:00.000Z') + minutes * MINUTE).toISOString()

/** An image of two platforms under alias tags; the platforms are returned. */
function push(one: Simulated, name: string, tags = ['1', '1.0']): { index: Made; children: Made[] } {
  const children = ['amd64', 'arm64'].map((platform) => addImage(one.upstream, `${name} ${platform}`))
  return { children, index: addIndex(one.upstream, children, tags) }
}
function attest(one: Simulated, subject: Made | undefined, name: string): Made {
  if (subject === undefined) throw new Error('it has two platforms')
  return addImage(one.upstream, name, { subject })
}

describeOnEachEngine('a new digest', (openFresh) => {
  let one: Simulated
  beforeEach(async () => {
    one = await simulate({ db: await openFresh() })
  })
  afterEach(() => one.close())

  test('waits with all its tags until nothing has come for the settle time; the old digest serves, and a pass comes then', async () => {
    const old = push(one, 'old')
    // What the first pass finds is not known to be new.
    await one.start({ settle: '10m' })
    expect(await one.served()).toEqual({ '1': old.index.digest, '1.0': old.index.digest })
    const { index, children } = push(one, 'new')
    one.later(MINUTE)
    const run = await one.sync()
    expect([run.outcome, run.counts.tagsHeld, run.counts.tagsMoved]).toEqual(['done', 2, 0])
    const reason = `held until ${isoAfter(11)}, since its attestations may still arrive`
    expect(run.failures).toEqual(
      ['1', '1.0'].map((tag) => ({ tag, digest: index.digest as never, code: 'HELD', message: reason })),
    )
    expect(await one.tag('1')).toMatchObject({ state: 'held', reason })
    expect(await one.show()).toMatchObject({
      state: 'active',
      nextRunAt: isoAfter(11),
      tags: { held: 2, published: 0, failed: 0 },
    })
    expect(await one.served()).toEqual({ '1': old.index.digest, '1.0': old.index.digest })
    // An attestation comes after eight minutes: ten more from there.
    const first = attest(one, children[0], 'first')
    one.later(8 * MINUTE)
    await one.sync()
    expect((await one.show()).nextRunAt).toBe(isoAfter(19))
    one.later(9 * MINUTE)
    // Named by a person or a hint, it waits as well.
    expect((await one.sync({ tags: ['1'] })).counts).toMatchObject({ tagsHeld: 1, tagsMoved: 0 })
    one.later(MINUTE)
    const published = await one.sync()
    expect([published.counts.tagsHeld, published.counts.tagsMoved, published.counts.referrers]).toEqual([0, 2, 1])
    expect(await one.served()).toEqual({ '1': index.digest, '1.0': index.digest })
    const reader = await one.instance.reader('acme/dhi-app')
    expect(await reader.resolve({ digest: first.digest as never })).toBeDefined()
    // What arrives later is published with its own event, at once.
    const late = attest(one, children[1], 'late')
    one.later(MINUTE)
    expect((await one.sync()).counts).toMatchObject({ tagsHeld: 0, tagsMoved: 0, referrers: 1 })
    const [event] = (await one.events()).filter(({ kind }) => kind === 'referrers.published')
    expect(event?.payload.referrers).toEqual([late.digest])
    await one.sync()
    expect(await one.instance.db.read.selectFrom('mirror_holds').selectAll().execute()).toEqual([])
  })

  test('waits six settle times at most while attestations go on arriving, also when the process changes', async () => {
    push(one, 'old')
    await one.start({ settle: '10m' })
    const { index, children } = push(one, 'new')
    const { id } = await one.show()
    for (let minute = 0; minute < 60; minute += 5) {
      attest(one, children[0], `attestation ${minute}`)
      const engine = one.instance.anotherEngine()
      const { run } = await engine.sync(id)
      expect((await engine.wait(run.id)).counts).toMatchObject({ tagsHeld: 2, tagsMoved: 0 })
      one.later(5 * MINUTE)
    }
    attest(one, children[0], 'the last')
    expect((await one.sync()).counts).toMatchObject({ tagsHeld: 0, tagsMoved: 2, referrers: 13 })
    expect((await one.served())['1']).toBe(index.digest)
  })

  test('does not starve a tag that moves faster than the settle time', async () => {
    push(one, 'old')
    await one.start({ settle: '10m' })
    let moved = 0
    for (let minute = 0; minute <= 60; minute += 5) {
      push(one, `new ${minute}`)
      moved += (await one.sync()).counts.tagsMoved
      one.later(5 * MINUTE)
    }
    expect(moved).toBe(2)
  })
})

describe('what is not new', () => {
  let one: Simulated
  beforeEach(async () => {
    one = await simulate()
  })
  afterEach(() => one.close())

  test('does not wait: a tag that goes back to a digest that is here, another tag of it, anything without a settle time', async () => {
    const { index } = push(one, 'old')
    await one.start({ settle: '10m' })
    one.upstream.tags.set('2', index.digest)
    expect((await one.sync()).counts).toMatchObject({ tagsHeld: 0, tagsMoved: 1 })
    const next = push(one, 'new')
    await one.change({ settle: null })
    expect((await one.sync()).counts).toMatchObject({ tagsHeld: 0, tagsMoved: 2 })
    await one.change({ settle: '10m' })
    one.upstream.tags.set('1', index.digest)
    expect((await one.sync()).counts).toMatchObject({ tagsHeld: 0, tagsMoved: 1 })
    expect(await one.served()).toEqual({ '1': index.digest, '1.0': next.index.digest, '2': index.digest })
  })

  test('a digest that failed in the first pass comes as soon as it can be had', async () => {
    push(one, 'one')
    const layer = [...one.upstream.blobs.entries()][0]
    if (layer === undefined) throw new Error('it has layers')
    one.upstream.blobs.delete(layer[0])
    expect((await one.start({ settle: '10m' })).outcome).toBe('failed')
    one.upstream.blobs.set(...layer)
    expect((await one.sync()).counts).toMatchObject({ tagsHeld: 0, tagsMoved: 2 })
  })
})
