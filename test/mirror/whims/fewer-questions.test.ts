// What a pass without news asks upstream: by the count of its questions, over simulated days.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { addImage, addIndex, type Made } from '../small-images.ts'
import { DAY, MINUTE, type Simulated, simulate } from './simulated.ts'

const IMAGES = 40
const ALIASES = 7

let one: Simulated
let children: Made[]
beforeEach(async () => {
  one = await simulate()
  children = []
  for (let i = 0; i < IMAGES; i++) {
    const platforms = ['amd64', 'arm64'].map((platform) =>
      addImage(one.upstream, `${i} ${platform}`, { layers: ['base'] }),
    )
    addIndex(
      one.upstream,
      platforms,
      Array.from({ length: ALIASES }, (_, n) => `${i}.${n}`),
    )
    children.push(...platforms)
  }
})
afterEach(() => one.close())

/** Requests of one pass, by kind. */
async function pass(o: Parameters<Simulated['sync']>[0] = {}) {
  one.upstream.calls.length = 0
  expect((await one.sync(o)).outcome).toBe('done')
  const of = (kind: string) => one.upstream.calls.filter(({ call }) => call === kind).length
  const [tags, heads, lists] = [of('listTags'), of('resolve'), of('listReferrers')]
  expect(one.upstream.calls.length).toBe(tags + heads + lists)
  return { tags, heads, lists, perTag: one.upstream.calls.length / (IMAGES * ALIASES) }
}

test('with recheck 0, and while its digests are young, every list is asked for: 1.5 requests a tag at most', async () => {
  await one.start()
  one.later(15 * MINUTE)
  const young = await pass()
  expect(young).toMatchObject({ tags: 1, heads: IMAGES * ALIASES, lists: IMAGES * 3 })
  await one.change({ recheck: '0' })
  one.later(2 * DAY)
  const old = await pass()
  expect([old.lists, old.perTag <= 1.5]).toEqual([IMAGES * 3, true])
})

test('after a day lists are asked for in turn, in even passes, each within the hour', async () => {
  await one.start()
  for (const hours of [12, 12.25]) {
    one.later(hours * 60 * MINUTE)
    await pass()
  }
  one.upstream.calls.length = 0
  const rounds: string[][] = []
  const costs: number[] = []
  for (let n = 0; n < 8; n++) {
    one.later(15 * MINUTE)
    const { lists, perTag } = await pass()
    expect(lists).toBe((IMAGES * 3) / 4)
    costs.push(perTag)
    rounds.push(one.upstream.calls.filter(({ call }) => call === 'listReferrers').map(({ of }) => of))
  }
  // One HEAD a tag, the tag list, and three lists of an image in four passes: (7 + 3/4) / 7.
  for (const cost of costs) expect(cost).toBeLessThan(1.111)
  expect(new Set(rounds.slice(0, 4).flat()).size).toBe(IMAGES * 3)
  for (let n = 4; n < 8; n++) expect(rounds[n]?.sort()).toEqual(rounds[n - 4]?.sort())
  // A pass in between asks for none.
  one.later(1000)
  expect((await pass()).lists).toBe(0)
})

test('an attestation that is added late is seen within the hour, at whatever pass; named or in a full pass at once', async () => {
  await one.start()
  one.later(2 * DAY)
  await pass()
  one.later(15 * MINUTE)
  await pass()
  for (const [i, subject] of [children[3], children[40], children[77]].entries()) {
    if (subject === undefined) throw new Error('there are so many')
    addImage(one.upstream, `late ${i}`, { subject, layers: [] })
    let seenAfter = 0
    for (let n = 1; n <= 4 && seenAfter === 0; n++) {
      one.later(15 * MINUTE)
      if ((await one.sync()).counts.referrers === 1) seenAfter = n
    }
    expect(seenAfter).toBeGreaterThan(0)
  }
  const events = (await one.events()).filter(({ kind }) => kind === 'referrers.published')
  expect(events.length).toBe(3)
  const [first, last] = [children[0], children.at(-1)]
  if (first === undefined || last === undefined) throw new Error('there are so many')
  addImage(one.upstream, 'asked for by name', { subject: last, layers: [] })
  expect((await one.sync({ tags: [`${IMAGES - 1}.0`] })).counts.referrers).toBe(1)
  addImage(one.upstream, 'asked for in full', { subject: first, layers: [] })
  expect((await one.sync({ full: true })).counts.referrers).toBe(1)
})

test('a list that has changed is asked for in every pass of the next day', async () => {
  await one.start()
  one.later(2 * DAY)
  await pass()
  const [subject] = children
  if (subject === undefined) throw new Error('there are so many')
  addImage(one.upstream, 'late', { subject, layers: [] })
  await one.sync({ full: true })
  for (let n = 0; n < 3; n++) {
    one.later(15 * MINUTE)
    await one.sync()
    addImage(one.upstream, `later ${n}`, { subject, layers: [] })
    one.later(15 * MINUTE)
    expect((await one.sync()).counts.referrers).toBe(1)
  }
})

test('the plan says when the referrers of each tag were last asked for', async () => {
  await one.start()
  one.later(2 * DAY)
  await pass()
  const at = one.now().toISOString()
  one.later(15 * MINUTE)
  const { items } = await one.plan()
  const kept = items.filter(({ action }) => action === 'keep')
  expect(kept.length).toBe(IMAGES * ALIASES)
  const spared = kept.filter((item) => item.referrersAskedAt !== undefined)
  expect(spared.length).toBeGreaterThan(IMAGES * ALIASES * 0.7)
  for (const item of spared) {
    expect(item.referrersAskedAt).toBe(at)
    expect(item.reason).toBe(`unchanged; referrers last asked for at ${at}`)
  }
})
