// What a run asks for is forecast for each registry that it asks, and held against what that one says is left.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { createUpstream } from '../../../src/db/mirrors/upstreams.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { createMirrorEngine } from '../../../src/mirror/create-engine.ts'
import type { Allowance, MirrorEngine } from '../../../src/mirror/engine.ts'
import { createLocalWriters } from '../../../src/registry/local-writer.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { upstreamRow } from '../../support/upstream-row.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

let instance: MirrorInstance
let engine: MirrorEngine
let images: MemoryRepository
let signed: MemoryRepository
let left: Record<string, Allowance[]>
/** Requests that the last reader of an upstream has made. */
let usages: Map<string, () => number>
const listed = (name: string) => usages.get(name)?.() ?? 0

beforeEach(async () => {
  instance = await openMirrorInstance()
  images = memoryRepository()
  signed = memoryRepository()
  left = {}
  usages = new Map()
  const { id } = await instance.addUpstream('signed')
  await instance.db.write((tx) =>
    createUpstream(tx, upstreamRow({ name: 'both', url: 'https://both.example', referrers_from: id })),
  )
  const { db, blobs } = instance
  engine = createMirrorEngine({
    db,
    logger: createLogger('silent'),
    openWriter: createLocalWriters({ db, blobs }),
    openSource({ name }) {
      const repository = name === 'signed' ? signed : images
      const before = repository.calls.length
      usages.set(name, () => repository.calls.length - before)
      return {
        reader: repository.reader(),
        usage: () => ({ requests: repository.calls.length - before, readBytes: 0 }),
        allowances: async () => left[name] ?? [],
      }
    },
  })
})
afterEach(async () => {
  await engine.close()
  await instance.close()
})

const plan = (upstream: string) => engine.planStart({ organization: 'acme', upstream, repository: 'app' })
const pulls = (remaining: number): Allowance => ({ kind: 'pulls', counts: 'manifests', remaining, until: null })
const requests = (remaining: number): Allowance => ({ kind: 'requests', counts: 'all', remaining, until: null })

test('attestations of another upstream are forecast by themselves, against what that one has left', async () => {
  const image = addImage(images, 'one', { tags: ['1'] })
  addImage(signed, 'sbom', { subject: image, artifactType: 'application/sbom' })
  left = { both: [pulls(10)], signed: [requests(1)] }
  const { forecast } = await plan('both')
  expect(forecast).toMatchObject({ kind: 'pulls', needed: 1, left: 10 })
  expect(forecast.referrers).toMatchObject({ upstream: 'signed', kind: 'requests', left: 1 })
  // Each its listing once more, then config and layer of what it holds.
  expect(listed('signed')).toBeGreaterThan(1)
  expect([forecast.requests, forecast.referrers?.needed]).toEqual([listed('both') + 2, listed('signed') + 2])
})

test('one upstream of all has one forecast', async () => {
  const image = addImage(images, 'one', { tags: ['1'] })
  addImage(images, 'sbom', { subject: image, artifactType: 'application/sbom' })
  left = { hub: [pulls(10)] }
  const { forecast } = await plan('hub')
  expect(forecast).toMatchObject({ kind: 'pulls', needed: 2, left: 10, referrers: null })
})
