// The audit log's own rules: no entry without its change and no change without its entry, whatever fails; bounds that hold against whoever
// hammers and whatever is large.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Database } from '../../src/db/engine/engine.ts'
import { detached, watchWrites } from '../../src/db/engine/watch.ts'
import { organizationState } from '../../src/db/mirrors/audit-states.ts'
import { createOrganization, setOrganizationQuota } from '../../src/db/people/organizations.ts'
import { listAudit, pruneAudit, recordAudit, stateText } from '../../src/db/platform/audit.ts'
import { countRefused } from '../../src/db/platform/audit-refusals.ts'
import { difference, watchChange } from '../../src/db/platform/audited-change.ts'
import { inRequest } from '../../src/lib/request-context.ts'
import { forgetAudit } from '../../src/server/housekeeping.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const at = (ms: number) => new Date(Date.parse('2026-01-01T12:00:00.000Z') + ms).toISOString()
const request = { actor: 'user:ada', tokenId: undefined, address: '192.0.2.7', requestId: 'request' }
const nothing = { organizationId: null, action: 'thing.do', object: 'thing', before: null, after: null }

describeOnEachEngine('the audit log', (openFresh) => {
  const organization = (db: Database, name: string) =>
    db.write(async (tx) => (await createOrganization(tx, { name, at: at(0) })).row.id)
  const all = (db: Database, id: string | null) => listAudit(db.read, id, {}, { limit: 1000 })

  test('tells a chain of states that ends in the present one, whatever transactions fail on the way', async () => {
    const db = await openFresh()
    let made = 0
    const step = fc.record({
      quota: fc.constantFrom(null, 1, 2),
      end: fc.constantFrom('commit', 'throw', 'background', 'other'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const name = `o${made++}`
        const id = await organization(db, name)
        const other = await organization(db, `${name}-other`)
        const change = { organization: name, object: name }
        const watched = [
          {
            action: 'organization.change',
            read: (tx: Parameters<typeof organizationState>[0]) => organizationState(tx, name),
          },
        ]
        let [committed, changes] = [null as number | null, 0]
        for (const { quota, end } of steps) {
          const watch = watchChange({ ...change, watched })
          const write = () =>
            db.write(async (tx) => {
              await setOrganizationQuota(tx, end === 'other' ? other : id, quota)
              if (end === 'throw') throw new Error('fails')
            })
          const work = () => (end === 'background' ? detached(write) : write())
          await inRequest(request, () => watchWrites(watch, work)).catch(() => {})
          watch.end()
          if (end === 'throw' || end === 'other') continue
          if (end === 'commit' && quota !== committed) changes++
          committed = quota
        }
        const entries = (await all(db, id)).reverse()
        expect(entries.length).toBe(changes)
        for (const { before, after } of entries) expect(before).not.toEqual(after)
        if (steps.some(({ end }) => end === 'background')) return
        const states = [{ quotaBytes: null, membersPull: 'all', displayName: '' }, ...entries.map(({ after }) => after)]
        expect(entries.map(({ before }) => before)).toEqual(states.slice(0, -1))
        expect(states.at(-1)).toEqual({ quotaBytes: committed, membersPull: 'all', displayName: '' })
      }),
      { numRuns: 30 },
    )
  })

  test('what a request has set off is not its own once it is over', async () => {
    const db = await openFresh()
    const id = await organization(db, 'acme')
    const watched = [{ action: 'organization.change', read: () => organizationState(db.accounts, 'acme') }]
    const watch = watchChange({ organization: 'acme', object: 'acme', watched })
    await inRequest(request, () =>
      watchWrites(watch, async () => {
        watch.end()
        await db.write((tx) => setOrganizationQuota(tx, id, 7))
      }),
    )
    expect(await all(db, id)).toEqual([])
  })

  test('says who by the request, and otherwise that it was the system', async () => {
    const db = await openFresh()
    await db.write((tx) => recordAudit(tx, nothing))
    await inRequest(request, () => db.write((tx) => recordAudit(tx, nothing)))
    const told = (await all(db, null)).map(({ actor, address, requestId }) => [actor, address, requestId])
    expect(told).toEqual([
      ['user:ada', '192.0.2.7', 'request'],
      ['system', null, null],
    ])
  })

  test('an account that hammers makes a few entries an hour, and all attempts are counted', async () => {
    const db = await openFresh()
    const id = await organization(db, 'acme')
    const of = {
      userId: 'u',
      actor: 'user:eve',
      account: 'user:eve',
      tokenId: undefined,
      isProven: true,
      organization: 'acme',
    }
    const one = { ...of, action: 'repository.pull', code: 'DENIED', requestId: undefined }
    await db.write(async (tx) => {
      for (let i = 0; i < 500; i++) {
        const when = { firstAt: at(i), lastAt: at(i) }
        const attempt = { object: `acme/guess\0-${i % 250}`, address: `192.0.2.${i % 7}`, attempts: 2 }
        await countRefused(tx, { ...one, ...when, ...attempt })
      }
    })
    const entries = await all(db, id)
    expect(entries.length).toBe(21)
    expect(entries.reduce((sum, { after }) => sum + Number(after?.attempts), 0)).toBe(1000)
    expect(entries[0]).toMatchObject({ action: '*', object: '*', address: null, actor: 'user:eve', outcome: 'refused' })
    const hourLater = { firstAt: at(3_600_000), lastAt: at(3_600_000), attempts: 1 }
    const again = { ...one, object: 'acme/guess-1', address: undefined }
    await db.write((tx) => countRefused(tx, { ...again, ...hourLater }))
    await db.write((tx) => countRefused(tx, { ...again, ...hourLater, actor: 'user:mallory', account: 'user:mallory' }))
    expect((await all(db, id)).length).toBe(23)
  })

  test('tokens of one organization are one account, whatever they are called', async () => {
    const db = await openFresh()
    const id = await organization(db, 'acme')
    const of = { userId: undefined, account: 'organization:evil', tokenId: undefined, isProven: true, code: 'DENIED' }
    const asked = { organization: 'acme', action: 'repository.pull', object: 'acme/box', address: undefined }
    const when = { firstAt: at(0), lastAt: at(0), attempts: 1, requestId: undefined }
    await db.write(async (tx) => {
      for (let i = 0; i < 60; i++) await countRefused(tx, { ...of, ...asked, ...when, actor: `token:evil/label-${i}` })
    })
    const entries = await all(db, id)
    expect(entries.length).toBe(21)
    expect([entries[0]?.actor, entries[0]?.after?.attempts]).toEqual(['token:evil/*', 40])
  })

  test('refusals push out nothing that was done, and of what was done the busiest loses first', async () => {
    const db = await openFresh()
    const id = await organization(db, 'acme')
    const by = (actor: string, ms: number) => {
      const clock = { now: () => new Date(at(ms)) }
      const request = { actor, tokenId: undefined, address: undefined, requestId: 'r' }
      const write = () => db.write((tx) => recordAudit(tx, { ...nothing, organizationId: id }, { clock }))
      return inRequest(request, write)
    }
    for (let i = 0; i < 5; i++) await by('user:ada', i)
    for (let i = 5; i < 30; i++) await by('user:busy', i)
    const of = { userId: 'u', tokenId: undefined, isProven: true, organization: 'acme', code: 'DENIED' }
    const attempt = { action: 'repository.pull', object: 'acme/box', address: undefined, requestId: undefined }
    const when = { firstAt: at(31), lastAt: at(31), attempts: 1 }
    await db.write(async (tx) => {
      for (let i = 0; i < 12; i++)
        await countRefused(tx, { ...of, ...attempt, ...when, actor: `user:${i}`, account: `user:${i}` })
    })
    expect(await forgetAudit(db, at(0), undefined, { done: 10, refused: 10 })).toBe(20 + 2)
    const left = await all(db, id)
    expect(left.filter(({ outcome }) => outcome === 'refused').length).toBe(10)
    const done = left.filter(({ outcome }) => outcome === 'done').map((entry) => `${entry.actor} ${entry.at}`)
    expect(done).toEqual(
      [29, 28, 27, 26, 25].map((ms) => `user:busy ${at(ms)}`).concat([4, 3, 2, 1, 0].map((ms) => `user:ada ${at(ms)}`)),
    )
  })

  test('nobody but operators fills the log of the instance with their own affairs', async () => {
    const db = await openFresh()
    let ms = 0
    const sign = (actor: string) => {
      const request = { actor, tokenId: undefined, address: undefined, requestId: 'r' }
      const clock = { now: () => new Date(at(ms++)) }
      return inRequest(request, () =>
        db.write((tx) => recordAudit(tx, { ...nothing, organizationId: null }, { clock })),
      )
    }
    for (let i = 0; i < 500; i++) await sign('user:ada')
    await expect(sign('user:ada')).rejects.toMatchObject({
      code: 'TOOMANYREQUESTS',
      detail: { retryAfterSeconds: 3600 },
    })
    await sign('user:bob')
    expect((await all(db, null)).length).toBe(501)
    ms = 3_600_000
    await sign('user:ada')
  })

  test('is shortened by age, and by number, each log by itself', async () => {
    const db = await openFresh()
    const [acme, other] = [await organization(db, 'acme'), await organization(db, 'other')]
    const add = (organizationId: string | null, ms: number) => {
      const clock = { now: () => new Date(at(ms)) }
      return db.write((tx) => recordAudit(tx, { ...nothing, organizationId }, { clock }))
    }
    for (let i = 0; i < 10; i++) {
      for (const id of [acme, null]) await add(id, i)
      if (i < 3) await add(other, i)
    }
    expect(await db.write((tx) => pruneAudit(tx, at(2), 3))).toBe(3)
    expect(await forgetAudit(db, at(2), undefined, { done: 4, refused: 4 })).toBe(3 + 4 + 4)
    const times = async (id: string | null) => (await all(db, id)).map((entry) => entry.at)
    expect(await times(acme)).toEqual([9, 8, 7, 6].map(at))
    expect(await times(null)).toEqual([9, 8, 7, 6].map(at))
    expect(await times(other)).toEqual([at(2)])
  })
})

test('states are of bounded length, whatever a tenant makes large', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.oneof(fc.string({ maxLength: 9000 }), fc.array(fc.string()), fc.jsonValue())),
      (state) => {
        const text = stateText(state) ?? ''
        expect(text.length).toBeLessThanOrEqual(4000)
        JSON.parse(text)
      },
    ),
    { numRuns: 100 },
  )
  expect(JSON.parse(stateText({ tags: Array.from({ length: 60 }, String) }) ?? '').tags.at(-1)).toBe('and 10 more')
  expect(stateText({ a: 'x'.repeat(100_000) })?.length).toBeLessThan(400)
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`name-${i}`, 'x'.repeat(300)]))
  expect(stateText(many)?.length).toBeLessThan(1000)
  expect(stateText(null)).toBeNull()
})

test('a secret that is another than before is told as changed, and never shown', () => {
  const of = (hidden: string | null, name = 'a') => ({
    state: { name, password: hidden === null ? null : 'set' },
    hidden,
  })
  expect(difference(of('one'), of('one'))).toBeUndefined()
  expect(difference(of('one'), of('two'))?.after).toEqual({ name: 'a', password: 'changed' })
  expect(difference(of(null), of('two'))?.after).toEqual({ name: 'a', password: 'set' })
  expect(difference(of('one'), of(null))?.after).toEqual({ name: 'a', password: null })
  expect(difference(undefined, undefined)).toBeUndefined()
  const keyed = (key: string) => ({ state: { role: 'owner' }, key })
  expect(difference(keyed('a'), keyed('b'))?.before).toBeNull()
})
