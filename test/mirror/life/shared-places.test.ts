// The places of runs are those of all servers on one database together; a server that dies leaves its own to the others.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Database } from '../../../src/db/engine/engine.ts'
import { createPortions, type SharedPortions } from '../../../src/jobs/portions.ts'
import { createPresence, type Presence } from '../../../src/jobs/presence.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import type { MirrorEngine } from '../../../src/mirror/engine.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

describeOnEachEngine('places of two servers', (openFresh) => {
  const RUNS_AT_ONCE = 4
  let instance: MirrorInstance
  let other: MirrorEngine
  let servers: { readonly presence: Presence; readonly portions: SharedPortions }[]
  let under: Set<string>
  let most: number
  let gates: Map<string, PromiseWithResolvers<void>>
  const names = Array.from({ length: 12 }, (_, i) => `r${i}`)

  beforeEach(async () => {
    const db = await openFresh()
    servers = [serverOn(db), serverOn(db)]
    instance = await openMirrorInstance({ db, runsAtOnce: RUNS_AT_ONCE, ...servers[0] })
    other = instance.anotherEngine({ ...servers[1] })
    under = new Set()
    most = 0
    gates = new Map()
    for (const name of names) {
      const organization = `org-${name}`
      await instance.addOrganization(organization)
      // Each at a registry of its own: no share of one keeps it from a place.
      await instance.addUpstream(name)
      const upstream: MemoryRepository = memoryRepository()
      addImage(upstream, name, { tags: ['1'] })
      const gate = Promise.withResolvers<void>()
      gates.set(name, gate)
      upstream.before = async (call, _of, signal) => {
        if (call !== 'resolve') return
        under.add(name)
        most = Math.max(most, under.size)
        const aborted = new Promise<void>((resolve) =>
          signal?.addEventListener('abort', () => resolve(), { once: true }),
        )
        await Promise.race([gate.promise, aborted])
        under.delete(name)
      }
      instance.repositories.set(`${name}/app`, upstream)
    }
  })
  afterEach(async () => {
    for (const gate of gates.values()) gate.resolve()
    await instance.close()
    for (const { portions, presence } of servers) {
      await portions.close()
      await presence.close()
    }
  })

  /** They look what others want when the test says so. */
  function serverOn(db: Database) {
    const presence = createPresence({ db, clock: systemClock, ttlMs: 20_000 })
    const logger = createLogger('silent')
    return { presence, portions: createPortions({ db, clock: systemClock, presence, logger, lookEveryMs: 0 }) }
  }
  const look = async () => {
    for (const { portions } of servers) await portions.look()
  }

  const start = (engine: MirrorEngine, name: string) =>
    engine.start({ organization: `org-${name}`, upstream: name, repository: 'app', by: 'user:test' })
  const reached = async (count: number) => {
    while (under.size < count) await Bun.sleep(1)
  }

  test('are as many as one has alone, and both get their part', async () => {
    const first = await Promise.all(names.slice(0, 6).map((name) => start(instance.engine, name)))
    await reached(RUNS_AT_ONCE)
    const second = await Promise.all(names.slice(6).map((name) => start(other, name)))
    const shown = await Promise.all(second.map(({ mirror }) => other.show(mirror.id)))
    expect(shown.every(({ waiting }) => waiting !== null)).toBe(true)
    await look()
    const order: string[] = []
    while (under.size > 0 || order.length < names.length) {
      const [next] = under
      if (next !== undefined) {
        order.push(next)
        gates.get(next)?.resolve()
        while (under.has(next)) await Bun.sleep(1)
      }
      // Whoever gets the place needs its time to be seen there.
      do {
        await look()
        await Bun.sleep(1)
      } while (under.size < Math.min(RUNS_AT_ONCE, names.length - order.length))
    }
    const runs = [
      ...(await Promise.all(first.map(({ run }) => instance.engine.wait(run.id)))),
      ...(await Promise.all(second.map(({ run }) => other.wait(run.id)))),
    ]
    expect(runs.map(({ outcome }) => outcome)).toEqual(names.map(() => 'done'))
    expect(most).toBe(RUNS_AT_ONCE)
    // The second did not wait until the first had none left.
    expect(order.findIndex((name) => names.indexOf(name) >= 6)).toBeLessThan(6)
  }, 60_000)

  test('of a dead server are free when its lease is over', async () => {
    for (const name of names.slice(0, RUNS_AT_ONCE)) await start(instance.engine, name)
    await reached(RUNS_AT_ONCE)
    const { mirror } = await start(other, 'r6')
    expect((await other.show(mirror.id)).waiting).toEqual({ ahead: 0 })
    // As a process leaves it that was killed: nobody extends its lease.
    const holder = servers[0]?.presence.holder
    await instance.db.write((tx) =>
      tx.updateTable('leases').set({ holder: null }).where('key', '=', `server:${holder}`).execute(),
    )
    await servers[1]?.portions.look()
    while (!under.has('r6')) await Bun.sleep(1)
    gates.get('r6')?.resolve()
  }, 60_000)
})
