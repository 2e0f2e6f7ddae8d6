// The proof that needs nothing but this repository: the program with its own sample upstream, release over release.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { loadOrCreateSampleKey, type SampleKey } from '../../src/sample/keys.ts'
import type { SampleRepositoryName } from '../../src/sample/repositories.ts'
import { sampleRepository } from '../sample/reading.ts'
import { sampleLayout } from '../sample/sample-layout.ts'
import { compareMirror } from '../support/compare.ts'
import type { Layout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

describe('kagami serve --sample', () => {
  let kagami: Kagami
  let operator: Operator
  let key: SampleKey
  const layoutOf = (name: SampleRepositoryName, release: number): Layout =>
    sampleLayout(sampleRepository(name, release, key))
  beforeAll(async () => {
    kagami = await startKagami({ args: ['--sample'] })
    operator = await signIn(kagami)
    key = await loadOrCreateSampleKey(join(kagami.dataDirectory, 'sample'))
  })
  afterAll(() => kagami?.stop())

  test('has mirrored sample/python to acme/dhi-python when it is ready, digest by digest', async () => {
    const target = await operator.target('acme/dhi-python')
    expect(await compareMirror(layoutOf('python', 1), target)).toEqual([])
  })

  test('lists what can be mirrored, with what is mirrored already', async () => {
    const { entries } = await operator.json<{ entries: unknown[] }>(['catalog', 'list', 'sample'])
    const entry = (repository: string, title: string, mirrors: string[] = []) => ({
      upstream: 'sample',
      repository,
      title,
      mirrors,
    })
    expect(entries).toMatchObject([
      entry('nginx', 'NGINX'),
      entry('nginx-chart', 'NGINX Helm chart'),
      entry('node', 'Node.js'),
      entry('python', 'Python', ['acme/dhi-python']),
    ])
  })

  test('mirrors the other repositories of the sample when it is told to, the chart included', async () => {
    for (const name of ['node', 'nginx', 'nginx-chart'] as const) {
      expectDone(await operator.wait(['mirror', 'start', `sample/${name}`]))
      const target = await operator.target(`acme/dhi-${name}`)
      expect(await compareMirror(layoutOf(name, 1), target)).toEqual([])
    }
  })

  test('brings in the next release by the line that `sample release` prints', async () => {
    const { stdout } = await operator.run(['sample', 'release'])
    const line = stdout.split('\n').find((text) => text.includes('acme/dhi-python'))
    expect(line).toContain('mirror sync acme/dhi-python --wait')
    const answer = await operator.wait(['mirror', 'sync', 'acme/dhi-python'])
    expectDone(answer)
    expect(answer.run.counts.tagsMoved).toBeGreaterThan(0)
    const target = await operator.target('acme/dhi-python')
    expect(await compareMirror([layoutOf('python', 1), layoutOf('python', 2)], target)).toEqual([])
  })

  test('comes back on its data with everything that it had, and mirrors nothing a second time by itself', async () => {
    expect(await kagami.stop()).toBe(0)
    const { dataDirectory, port } = kagami
    kagami = await startKagami({ args: ['--sample'], dataDirectory, port })
    operator = await signIn(kagami)
    const { mirrors } = await operator.json<{ mirrors: { repository: string }[] }>(['mirror', 'list'])
    expect(mirrors.map((mirror) => mirror.repository)).toEqual(
      ['nginx', 'nginx-chart', 'node', 'python'].map((name) => `acme/dhi-${name}`),
    )
    const target = await operator.target('acme/dhi-python')
    expect(await compareMirror([layoutOf('python', 1), layoutOf('python', 2)], target)).toEqual([])
    expectDone(await operator.wait(['mirror', 'sync', 'acme/dhi-node']))
  })
})
