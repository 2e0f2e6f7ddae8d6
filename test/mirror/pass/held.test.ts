// Manifests that passes keep between the walk and the copy: one budget for all of a process, and what is over it is read again.
import { afterEach, describe, expect, test } from 'bun:test'
import { createHeldBudget } from '../../../src/lib/held.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

describe('the budget', () => {
  test('is for all passes together', () => {
    const budget = createHeldBudget(10)
    const [one, other] = [budget.open(), budget.open()]
    expect(one.take(6)).toBe(true)
    expect(other.take(5)).toBe(false)
    expect(other.take(4)).toBe(true)
    one.giveBack(6)
    expect(other.take(6)).toBe(true)
    expect(budget.held).toBe(10)
  })

  test('gets back what a pass has left at its end, and nothing of it twice', () => {
    const budget = createHeldBudget(10)
    const [one, other] = [budget.open(), budget.open()]
    one.take(4)
    other.take(5)
    one.end()
    one.giveBack(4)
    expect(budget.held).toBe(5)
    expect(one.take(1)).toBe(false)
  })
})

describe('a mirror', () => {
  let instance: MirrorInstance | undefined
  afterEach(() => instance?.close())

  test.each([
    ['keeps what fits and reads each manifest once', 1024 * 1024, 1],
    ['reads again what does not fit, and brings all the same', 1, 2],
  ])('%s', async (_, maxBytes, reads) => {
    const budget = createHeldBudget(maxBytes)
    instance = await openMirrorInstance({ held: budget })
    const upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
    const image = addImage(upstream, 'image', { tags: ['1'] })
    const signature = addImage(upstream, 'signature', { subject: image, artifactType: 'application/example' })
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures]).toEqual(['done', []])
    const served = await instance.reader('acme/dhi-app')
    for (const { digest } of [image, signature]) {
      const read = upstream.calls.filter(({ call, of }) => call === 'readManifest' && of === digest)
      expect(read.length).toBe(reads)
      const found = await served.readManifest({ digest: digest as Digest })
      expect(found?.bytes).toEqual(upstream.manifests.get(digest)?.bytes as Uint8Array)
    }
    expect(budget.held).toBe(0)
  })

  test('that fails gives back what it held', async () => {
    const budget = createHeldBudget()
    instance = await openMirrorInstance({ held: budget })
    const upstream = memoryRepository()
    instance.repositories.set('hub/app', upstream)
    addImage(upstream, 'image', { tags: ['1'] })
    upstream.blobs.clear()
    const { run } = await instance.mirror('hub/app')
    expect(run.failures.length).toBe(1)
    expect(budget.held).toBe(0)
  })
})
