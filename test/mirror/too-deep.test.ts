// How deep something hangs depends on the way to it: a chain that is too deep fails alone, whatever it ends in.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addImage, addIndex, type Made } from './small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
beforeEach(async () => {
  instance = await openMirrorInstance()
  upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
})
afterEach(() => instance.close())

test('a good tag that a hostile chain reaches first is published, the chain is not', async () => {
  const image = addImage(upstream, 'shared')
  addImage(upstream, 'attestation', { subject: image })
  const good = addIndex(upstream, [image, addImage(upstream, 'other')], ['good'])
  let chain: Made = image
  for (let level = 0; level < 65; level++) chain = addIndex(upstream, [chain], level === 64 ? ['hostile'] : [])
  // The good index is read only once the chain was walked to its end.
  const isWalked = Promise.withResolvers<void>()
  let levels = 0
  upstream.before = async (call, of) => {
    if (call !== 'readManifest') return
    if (of === good.digest) await isWalked.promise
    else if (levels >= 65) return
    else if (++levels >= 65) isWalked.resolve()
  }
  const { run } = await instance.mirror('hub/app')
  expect(run.failures.map(({ tag, message }) => [tag, message.includes('levels below')])).toEqual([['hostile', true]])
  const reader = await instance.reader('acme/dhi-app')
  const served: string[] = []
  for await (const { tag } of reader.listTags()) served.push(tag)
  expect(served).toEqual(['good'])
})
