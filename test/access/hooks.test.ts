import { beforeEach, expect, test } from 'bun:test'
import { admitDelivery, createHook, findHookUpstream } from '../../src/access/hooks.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createUpstream, removeUpstream } from '../../src/db/mirrors/upstreams.ts'
import type { UpstreamRow } from '../../src/db/schema.ts'
import { isAppError } from '../../src/errors.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { upstreamRow } from '../support/upstream-row.ts'

describeOnEachEngine('hooks of upstreams', (openFresh) => {
  let db: Database
  let upstream: UpstreamRow
  let time = Date.parse('2026-01-01T00:00:00.000Z')
  const clock = { now: () => new Date(time) }
  beforeEach(async () => {
    db = await openFresh()
    upstream = await db.write((tx) => createUpstream(tx, upstreamRow()))
  })
  const make = async (rotate = false) => (await createHook(db, clock, upstream, { rotate })).reveal()

  test('only the hash of a secret is kept, and goes with the upstream', async () => {
    const secret = await make()
    const rows = JSON.stringify(await db.read.selectFrom('upstream_hooks').selectAll().execute())
    expect([rows.includes(upstream.id), rows.includes(secret.slice(-30))]).toEqual([true, false])
    expect((await findHookUpstream(db, secret))?.id).toBe(upstream.id)
    await db.write((tx) => removeUpstream(tx, upstream))
    expect(await findHookUpstream(db, secret)).toBeUndefined()
  })

  test('deliveries are counted by the minute in the database, so for all servers together', async () => {
    await make()
    const admit = () => admitDelivery(db, clock, upstream.id)
    await admit()
    await db.write((tx) => tx.updateTable('upstream_hooks').set({ counted: 1199 }).execute())
    time += 20_000
    await admit()
    const refused = await admit().catch((error) => error)
    expect([isAppError(refused, 'TOOMANYREQUESTS'), refused.detail]).toEqual([true, { retryAfterSeconds: 40 }])
    time += 40_000
    await admit()
    // A new address begins anew.
    await db.write((tx) => tx.updateTable('upstream_hooks').set({ counted: 5000 }).execute())
    expect(admit()).rejects.toThrow()
    await make(true)
    await admit()
  })
})
