// One line mirrors a whole catalog: the program with its own sample upstream.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { servedLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

let kagami: Kagami
let operator: Operator
beforeAll(async () => {
  kagami = await startKagami({ withSample: true })
  operator = await signIn(kagami)
})
afterAll(() => kagami?.stop())

test('mirror start sample --all --wait mirrors all its repositories, digest by digest', async () => {
  const { subscription } = await operator.json<{ subscription: Record<string, unknown> }>([
    'mirror',
    'start',
    'sample',
    '--all',
    '--wait',
  ])
  expect(subscription).toMatchObject({ mirrors: 4, state: 'active', failures: [] })
  for (const name of ['python', 'node', 'nginx', 'nginx-chart'] as const) {
    const target = await operator.target(`acme/dhi-${name}`)
    expect(await compareMirror(await servedLayout(kagami, name), target)).toEqual([])
  }
})
