import { afterAll, beforeAll, expect, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { pushLayout } from '../support/push-layout.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'

const LAYOUTS = [
  'formats',
  'dhi-python/release-1',
  'cosign-tags',
  'cosign-bundle',
  'notation',
  'helm-chart',
  'oras-tree',
  'referrers-fallback-tags',
]

describeWithFixtures('Every layout of the fixtures, pushed and held against its answer key', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())

  for (const name of LAYOUTS) {
    test(`${name} is served digest by digest as it was pushed`, async () => {
      const repository = `acme/${name}`
      const access = { credentials: OWNER }
      if (name === 'formats') {
        // A sparse index is refused unless the repository allows it.
        await server.createRepository(repository, { allow_sparse: 1 })
      }
      const layout = fixtureLayout(name)
      await pushLayout(layout, server.url, repository, access)
      expect(await compareMirror(layout, { url: server.url, repository, ...access }, { fallbackTags: 'tags' })).toEqual(
        [],
      )
    }, 120_000)
  }
})
