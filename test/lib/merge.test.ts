import { expect, test } from 'bun:test'
import { mergeUntilEither } from '../../src/lib/merge.ts'

test('items of both come as they come, and the end of one is the end', async () => {
  const gate = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  async function* one() {
    yield 1
    await gate.promise
    yield 3
    await over.promise
  }
  async function* other() {
    yield 2
    gate.resolve()
    await new Promise(() => {})
    yield 0
  }
  const seen: number[] = []
  for await (const item of mergeUntilEither(one(), other())) {
    seen.push(item)
    if (seen.length === 3) over.resolve()
  }
  expect(seen.sort()).toEqual([1, 2, 3])
})

test('what one of them throws is thrown', async () => {
  async function* bad(): AsyncGenerator<number> {
    yield 1
    throw new Error('no more')
  }
  async function* silent(): AsyncGenerator<number> {
    await new Promise(() => {})
  }
  expect(Array.fromAsync(mergeUntilEither(silent(), bad()))).rejects.toThrow('no more')
})
