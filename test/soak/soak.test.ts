// A soak of a few seconds, so that it does not rot; `npm run soak` is the one that tells of leaks.
import { expect, test } from 'bun:test'
import { judge, type Sample } from './samples.ts'
import { soak } from './soak.ts'

const MINUTES = Number(process.env.KAGAMI_TEST_SOAK_MINUTES ?? 0.05)

test('everything at once goes without an error', async () => {
  const { done, errors, faults, samples } = await soak({ minutes: MINUTES })
  expect([errors, faults]).toEqual([[], []])
  expect(Object.keys(done)).toEqual(expect.arrayContaining(['pushed and deleted', 'pulled', 'mirrored', 'replicated']))
  const last = samples.at(-1)
  expect([last?.memoryMiB, last?.descriptors, last?.databaseMiB, last?.storeMiB].every((n) => (n ?? 0) > 0)).toBe(true)
}, 120_000)

test('what rises is told from what is level', () => {
  const samples = Array.from({ length: 40 }, (_, i): Sample => {
    const level = 100 + (i % 3)
    return { seconds: i, memoryMiB: 100 + 5 * i, descriptors: level, databaseMiB: level, storeMiB: level, done: i }
  })
  expect(judge(samples, true).map(({ what, isFlat }) => [what, isFlat])).toEqual([
    ['memory', false],
    ['descriptors', true],
    ['database', true],
    ['store', true],
  ])
})
