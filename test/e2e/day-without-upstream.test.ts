// An upstream that is down for a day, which passes in moments: the mirror says so once, asks ever more seldom, serves what it has, and the
// first pass after it brings what was missed.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { withoutTags } from '../support/layout-selection.ts'
import { countingProxy, type ProxyAction, type SeenRequest } from '../support/proxy.ts'
import { type ToldTime, toldTime } from '../support/told-time.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { walkVisible } from './half-visible.ts'
import { expectDone, type MirrorDocument, type Operator, operatorOf, type RunDocument, signIn } from './operator.ts'

setDefaultTimeout(120_000)

const HOUR = 3_600_000
/** Requests of a run that finds upstream down: the tries of one. */
const MOST_REQUESTS_A_RUN = 4

let vendor: Kagami
let layout: Layout
let time: ToldTime
let kagami: Kagami
let operator: Operator
beforeAll(async () => {
  vendor = await startKagami({ withSample: true })
  layout = await servedLayout(vendor, 'nginx')
  time = toldTime()
  // Signs of life are of no interest here.
  kagami = await startKagami({ env: { ...time.env, KAGAMI_TAKEOVER: '10m' } })
  const { password } = await (await signIn(kagami)).createToken('admin')
  operator = operatorOf(kagami, password)
})
afterAll(async () => {
  await kagami?.stop()
  await vendor?.stop()
  time?.remove()
})

type Shown = MirrorDocument & { readonly nextRunAt: string; readonly since: string }
const show = async () => (await operator.json<{ mirror: Shown }>(['mirror', 'show', 'acme/day'])).mirror
const runs = async () =>
  (
    await operator.json<{ runs: (RunDocument & { startedAt: string })[] }>([
      'mirror',
      'runs',
      'acme/day',
      '--limit',
      '1000',
    ])
  ).runs

function eventsOf(): string[] {
  const db = new Database(join(kagami.dataDirectory, 'kagami.sqlite'), { readonly: true })
  try {
    const rows = db.query("SELECT kind FROM events WHERE kind LIKE 'mirror.%' ORDER BY seq").all() as { kind: string }[]
    return rows.map(({ kind }) => kind)
  } finally {
    db.close()
  }
}

test('twelve hours of 503, twelve without an answer: said once, asked seldom, served all the while, whole within the hour', async () => {
  const missed = [...layout.tags.keys()][0] ?? ''
  const before = withoutTags(layout, [missed])
  /** The tag comes while upstream is down. */
  let isThere = false
  let isDown = false
  const hidden = (request: SeenRequest): ProxyAction | undefined => {
    if (isDown) return { answer: { status: 503, body: 'we will be back' } }
    if (isThere) return undefined
    if (request.reference === missed) return { answer: { status: 404 } }
    if (request.kind !== 'tags') return undefined
    return {
      change: ({ body }) => {
        const list = JSON.parse(new TextDecoder().decode(body))
        const tags = list.tags.filter((tag: string) => tag !== missed)
        return { body: new TextEncoder().encode(JSON.stringify({ ...list, tags })) }
      },
    }
  }
  const first = await countingProxy(vendor.sampleUrl, { onRequest: hidden })
  await addUpstream(operator, 'day', `${first.url}/dhi`)
  expectDone(
    await operator.wait(['mirror', 'start', 'day/nginx', '--as', 'day', '--every', '15m', '--objective', '30m']),
  )
  const target = await operator.target('acme/day')
  expect(await compareMirror(before, target)).toEqual([])
  const eventsBefore = eventsOf().length
  isThere = true
  isDown = true
  first.reset()

  const downSince = time.now()
  for (let hour = 1; hour <= 24; hour++) {
    await time.pass(HOUR)
    if (hour === 12) await first.stop()
    if (hour % 6 !== 0) continue
    // A try may be under way at this moment; it ends without the clock.
    let mirror = await show()
    for (; mirror.state === 'syncing'; mirror = await show()) await Bun.sleep(20)
    expect([hour, mirror.state]).toEqual([hour, 'degraded'])
    expect(mirror.reason).toContain(new URL(first.url).host)
    expect(Date.parse(mirror.nextRunAt) - time.now().getTime()).toBeLessThanOrEqual(HOUR)
    // Degraded since the first failure, not since the last one.
    expect(Date.parse(mirror.since) - downSince.getTime()).toBeLessThan(HOUR)
  }
  const ofTheDay = (await runs()).filter(({ startedAt }) => Date.parse(startedAt) >= downSince.getTime())
  expect(new Set(ofTheDay.map(({ trigger, outcome }) => `${trigger} ${outcome}`))).toEqual(new Set(['schedule failed']))
  // 15 s, 30 s, 1 min … 1 h: nine in the first hours, then one or two an hour.
  expect(ofTheDay.length).toBeGreaterThan(20)
  expect(ofTheDay.length).toBeLessThan(60)
  const requests = ofTheDay.reduce((sum, { counts }) => sum + counts.requests, 0)
  expect(requests).toBeLessThanOrEqual(MOST_REQUESTS_A_RUN * ofTheDay.length)
  expect(first.count()).toBeLessThanOrEqual(requests)
  expect(first.count()).toBeGreaterThan(ofTheDay.length / 2)
  expect(eventsOf().slice(eventsBefore).sort()).toEqual(['mirror.behind', 'mirror.degraded'])
  const served = await walkVisible(layout, target)
  expect([served.faults, [...served.tags].sort()]).toEqual([[], [...before.tags.keys()].sort()])

  isDown = false
  const back = await countingProxy(vendor.sampleUrl, { port: Number(new URL(first.url).port), onRequest: hidden })
  await time.pass(Math.max(0, Date.parse((await show()).nextRunAt) - time.now().getTime()) + 1000)
  while ((await show()).state !== 'active') await Bun.sleep(20)
  expect(await compareMirror(layout, target)).toEqual([])
  const [run] = await runs()
  expect([run?.trigger, run?.outcome]).toEqual(['schedule', 'done'])
  expect(
    eventsOf()
      .slice(eventsBefore)

      .sort(),
  ).toEqual(['mirror.behind', 'mirror.caught-up', 'mirror.degraded', 'mirror.recovered'])
  await back.stop()
})
