// What a selection remembers of digests does not grow for ever, whatever upstream does.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { listFacts, recordFacts } from '../../../src/db/mirrors/mirror-facts.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

let instance: MirrorInstance
beforeEach(async () => {
  instance = await openMirrorInstance()
})
afterEach(() => instance.close())

async function mirrorOf(name: string): Promise<string> {
  const upstream = memoryRepository()
  addImage(upstream, name, { tags: ['1'] })
  instance.repositories.set(`hub/${name}`, upstream)
  return (await instance.mirror(`hub/${name}`)).mirrorId
}

test('what would be too many replaces what was there, of this mirror alone; what is known is kept otherwise', async () => {
  const [busy, quiet] = [await mirrorOf('busy'), await mirrorOf('quiet')]
  const facts = (pass: string, count: number) =>
    new Map(Array.from({ length: count }, (_, i) => [digestOf(`${pass} ${i}`), { created: null }]))
  const record = (mirrorId: string, pass: string, count: number) =>
    instance.db.write((tx) => recordFacts(tx, mirrorId, facts(pass, count), 10))
  const known = async (mirrorId: string) => (await listFacts(instance.db.read, mirrorId)).size
  await record(quiet, 'first', 4)
  await record(busy, 'first', 4)
  await record(busy, 'second', 6)
  expect(await known(busy)).toBe(10)
  await record(busy, 'none', 0)
  expect(await known(busy)).toBe(10)
  await record(busy, 'third', 6)
  expect([...(await listFacts(instance.db.read, busy)).keys()].sort()).toEqual([...facts('third', 6).keys()].sort())
  for (let pass = 0; pass < 20; pass++) await record(busy, `pass ${pass}`, 7)
  expect([await known(busy), await known(quiet)]).toEqual([7, 4])
})
