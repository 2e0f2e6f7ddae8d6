// Plans hold all tags of a mirror as runs do: whoever asks for many of them at once waits, and keeps nobody else from theirs.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { isAppError } from '../../../src/errors.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

let instance: MirrorInstance
let slow: MemoryRepository
let answer: () => void
let asking = 0
let mostAsking = 0
beforeEach(async () => {
  instance = await openMirrorInstance()
  slow = memoryRepository()
  addImage(slow, 'one', { tags: ['1'] })
  instance.repositories.set('hub/slow', slow)
  const { promise, resolve } = Promise.withResolvers<void>()
  answer = resolve
  ;[asking, mostAsking] = [0, 0]
  slow.before = async (call, _of, signal) => {
    if (call !== 'resolve') return
    mostAsking = Math.max(mostAsking, ++asking)
    const gone = new Promise<void>((end) => signal?.addEventListener('abort', () => end(), { once: true }))
    await Promise.race([promise, gone])
    asking--
  }
})
afterEach(async () => {
  answer()
  await instance.close()
})

const plan = (repository: string, o: { organization?: string; upstream?: string; signal?: AbortSignal } = {}) =>
  instance.engine.planStart(
    { organization: o.organization ?? 'acme', upstream: o.upstream ?? 'hub', repository },
    { signal: o.signal },
  )
async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !isTrue(); i++) await Bun.sleep(5)
}

test('of many plans only a few are made at once, and all in the end; those of others do not wait', async () => {
  const all = Array.from({ length: 20 }, () => plan('slow'))
  await until(() => mostAsking >= 2)
  await Bun.sleep(50)
  expect(mostAsking).toBeLessThanOrEqual(4)
  await instance.addOrganization('beta')
  await instance.addUpstream('quick')
  const quick = memoryRepository()
  addImage(quick, 'two', { tags: ['2'] })
  instance.repositories.set('quick/app', quick)
  expect((await plan('app', { organization: 'beta', upstream: 'quick' })).images).toHaveLength(1)
  answer()
  expect(new Set((await Promise.all(all)).map(({ id }) => id)).size).toBe(1)
  expect(mostAsking).toBeLessThanOrEqual(4)
})

test('beyond what may wait, an organization is told to come again; whoever goes away makes room', async () => {
  const left = new AbortController()
  const all = Array.from({ length: 60 }, () => plan('slow', { signal: left.signal }).then(String, (error) => error))
  await until(() => mostAsking >= 2)
  await Bun.sleep(50)
  left.abort()
  const refused = (await Promise.all(all)).filter((error) => isAppError(error, 'TOOMANYREQUESTS'))
  expect(refused).toHaveLength(10)
  expect(refused[0]).toMatchObject({ detail: { retryAfterSeconds: 30 } })
  answer()
  expect((await plan('slow')).images).toHaveLength(1)
})

test('a plan lists upstream once, and a start by a plan once more for the run', async () => {
  answer()
  const lists = () => slow.calls.filter(({ call }) => call === 'listTags').length
  const planned = await plan('slow')
  expect(lists()).toBe(1)
  const { run } = await instance.engine.start({
    organization: 'acme',
    upstream: 'hub',
    repository: 'slow',
    by: 'user:ann',
    plan: { id: planned.id, images: planned.images },
  })
  expect((await instance.engine.wait(run.id)).outcome).toBe('done')
  // The look before anything is made, and the run's own.
  expect(lists()).toBe(3)
})
