// That a process lives, as others on its database see it.
import { expect, test } from 'bun:test'
import type { Database } from '../../src/db/engine/engine.ts'
import { createPresence } from '../../src/jobs/presence.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('presence', (openFresh) => {
  const TTL_MS = 20_000

  test('one whose word came late is seen again, as soon as that word has lost its time', async () => {
    const real = await openFresh()
    const time = { ms: Date.parse('2026-11-01T12:00:00Z') }
    /** For which the next write waits until it is its turn. */
    let waitMs = 0
    const db: Database = {
      ...real,
      write(work) {
        time.ms += waitMs
        waitMs = 0
        return real.write(work)
      },
    }
    const presence = createPresence({ db, clock: { now: () => new Date(time.ms) }, ttlMs: TTL_MS })
    await presence.announce()
    const first = presence.standing()
    expect(first).toBeDefined()
    // Asleep for longer than others wait; and the next heartbeat is written when nobody counts on it any more.
    time.ms += TTL_MS
    waitMs = TTL_MS
    await presence.announce()
    expect(presence.standing()).toBeUndefined()
    time.ms += TTL_MS
    await presence.announce()
    expect(presence.standing()).toBeDefined()
    expect(presence.standing()).not.toBe(first)
    await presence.close()
  })
})
