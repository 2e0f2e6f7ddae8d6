// No order of collector, uploader, mount, mirror, replication, deleter and puller loses what was acknowledged, or leaves garbage for ever: the
// real code over SQLite and files, one actor at a time between injected yields, by a simulated clock (issue 13).
import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import fc from 'fast-check'
import { temporaryDirectory } from '../support/process.ts'
import { openWorld } from './collection/world.ts'

const directory = temporaryDirectory('collection-interleavings')
afterAll(() => directory.remove())

/** A long campaign: KAGAMI_TEST_COLLECTION_RUNS=2000. */
const RUNS = Number(process.env.KAGAMI_TEST_COLLECTION_RUNS ?? 1)

test('nothing is lost, and nothing is left', async () => {
  let worlds = 0
  const property = fc.asyncProperty(fc.integer(), async (seed) => {
    const world = await openWorld(join(directory.path, String(worlds++)), seed)
    try {
      await world.play()
      expect(await world.findLost()).toEqual([])
      await world.wait()
      expect(await world.findLost()).toEqual([])
      expect(await world.findLeft()).toEqual({})
    } finally {
      await world.close()
    }
  })
  await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
}, 3_600_000)
