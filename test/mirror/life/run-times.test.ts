// How long a run waited for its place is told apart from how long it worked, in what is shown and in what is counted.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { timesOf } from '../../../src/db/mirrors/sync-runs.ts'
import { memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'
import { addImage } from '../small-images.ts'

let instance: MirrorInstance
let ms = Date.parse('2026-01-01T00:00:00.000Z')
beforeEach(async () => {
  instance = await openMirrorInstance({ runsAtOnce: 1, clock: { now: () => new Date(ms) } })
})
afterEach(() => instance.close())

test('a run that waited a minute and worked for five seconds took five seconds', async () => {
  const gates = ['one', 'two'].map((name) => {
    const repository = memoryRepository()
    addImage(repository, name, { tags: ['1'] })
    const gate = { reached: Promise.withResolvers<void>(), open: Promise.withResolvers<void>() }
    repository.before = (call) => {
      if (call !== 'resolve') return
      gate.reached.resolve()
      return gate.open.promise
    }
    instance.repositories.set(`hub/${name}`, repository)
    return gate
  })
  const start = async (repository: string) =>
    (await instance.engine.start({ organization: 'acme', upstream: 'hub', repository, by: 'user:test' })).run.id
  const first = await start('one')
  await gates[0]?.reached.promise
  const second = await start('two')
  const [waiting] = (await instance.engine.list({ limit: 10 })).mirrors.filter(({ waiting }) => waiting !== null)
  expect(waiting?.lastRun).toMatchObject({ id: second, beganAt: null, waitedSeconds: null, runningSeconds: null })
  ms += 60_000
  gates[0]?.open.resolve()
  expect(await instance.engine.wait(first)).toMatchObject({ waitedSeconds: 0, runningSeconds: 60 })
  await gates[1]?.reached.promise
  ms += 5_000
  gates[1]?.open.resolve()
  const run = await instance.engine.wait(second)
  expect(run).toMatchObject({ outcome: 'done', waitedSeconds: 60, runningSeconds: 5 })
  expect(Date.parse(run.beganAt ?? '') - Date.parse(run.startedAt)).toBe(60_000)
  const counted = await instance.db.read
    .selectFrom('mirror_counters')
    .select(['label', 'total'])
    .where('counter', '=', 'milliseconds')
    .orderBy('total')
    .execute()
  expect(counted).toEqual([
    { label: 'running', total: 5_000 },
    { label: 'running', total: 60_000 },
    { label: 'waiting', total: 60_000 },
  ])
})

test('what is not known is not made up', () => {
  const [started_at, ended_at] = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:01:00.000Z']
  // Of a version that did not note when a run began.
  expect(timesOf({ generation: 1, started_at, began_at: null, ended_at })).toEqual({
    waitedMs: undefined,
    runningMs: undefined,
  })
  // Stopped while it waited.
  expect(timesOf({ generation: 0, started_at, began_at: null, ended_at })).toEqual({ waitedMs: 60_000, runningMs: 0 })
  expect(timesOf({ generation: 1, started_at: ended_at, began_at: started_at, ended_at: null })).toEqual({
    waitedMs: 0,
    runningMs: undefined,
  })
})
